import assert from 'node:assert/strict';
import { lossFigure } from '../../src/report/figure';
import { bundleOf, liveFigure, show, slot, view } from '../../src/report/notebook';
import { interact } from '../../src/report/widgets';
import { SHOW } from '../../src/report/kernel';

const PLOTLY = 'application/vnd.plotly.v1+json', SVG = 'image/svg+xml';
const KERNEL = Symbol.for('zsaq.kernel');
const figure = lossFigure([{ step: 1, student: 2 }, { step: 2, student: 1 }]);
const table = { columns: [{ name: 'a' }], rows: [['<b>']] };

interface Shown { kinds: string[]; id?: string; update: boolean }

/** A kernel that keeps what it is told. */
function withKernel() {
  const shown: Shown[] = [];
  const opened: { state: any; sent: any[]; move(message: object): unknown }[] = [];
  (globalThis as any)[KERNEL] = {
    display: (bundle: object, id?: string, update = false) => shown.push({ kinds: Object.keys(bundle), id, update }),
    openComm: (_: string, data: { state: any }, onMessage: (message: object) => unknown) => {
      const comm = { state: data.state, sent: [] as any[], move: (message: object) => onMessage(message) };
      opened.push(comm);
      return { id: `comm-${opened.length}`, send: (message: object) => comm.sent.push(message), close: () => undefined };
    },
  };
  return { shown, opened };
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 20));

describe('report/notebook', function () {
  this.timeout(60_000);
  afterEach(() => { delete (globalThis as any)[KERNEL]; });

  it('gives a figure as Plotly and as picture, a table as HTML and text', async () => {
    const bundle = await bundleOf(figure);
    assert.deepEqual(Object.keys(bundle), [PLOTLY, SVG]);
    assert.deepEqual((bundle[PLOTLY] as any).data, figure.data);
    assert.match(String(bundle[SVG]), /^<svg/);
    const ofTable = await bundleOf(table);
    assert.ok(String(ofTable['text/html']).includes('&lt;b&gt;'));
    assert.equal(ofTable['text/plain'], 'a\n───\n<b>\n');
    assert.deepEqual(await bundleOf({ html: '<i>x</i>' }), { 'text/html': '<i>x</i>' });
    await assert.rejects(bundleOf(5 as never), TypeError);
    await assert.rejects(bundleOf({} as never), { code: 'usage' });
    assert.deepEqual(await (view(table) as any)[SHOW](), ofTable);
  });

  it('shows in place and makes plotly draw anew', async () => {
    const { shown } = withKernel();
    const place = slot();
    place.show({ 'text/html': 'a' });
    place.show({ [PLOTLY]: {} });
    place.show({ [PLOTLY]: {} });
    place.show({ [SVG]: '' });
    assert.deepEqual(shown.map((s) => [s.kinds[0], s.update]), [['text/html', false], [PLOTLY, true], ['text/html', true], [PLOTLY, true], [SVG, true]]);
    assert.equal(new Set(shown.map((s) => s.id)).size, 1);
    await show(table);
    assert.deepEqual(shown[5], { kinds: ['text/html', 'text/plain'], id: undefined, update: false });
  });

  it('follows a run at most four times a second and ends with the last state', async () => {
    const { shown } = withKernel();
    let time = 0, drawn = 0;
    const live = liveFigure({ now: () => time });
    for (; time < 2000; time += 10) live.update(() => { drawn += 1; return figure; });
    assert.equal(drawn, 8);
    assert.ok(shown.every((s) => s.kinds[0] === SVG));
    await live.end();
    assert.deepEqual(shown[shown.length - 1].kinds, [PLOTLY, SVG]);
  });

  it('does nothing outside of Jupyter, where sliders are refused', async () => {
    const live = liveFigure();
    live.update(() => assert.fail('drawn'));
    await live.end();
    assert.throws(() => interact([], () => figure), { code: 'usage' });
  });

  it('draws what the sliders say, and moves that come meanwhile only once', async () => {
    const { shown, opened } = withKernel();
    const seen: number[] = [];
    interact([{ name: 'beta', min: 0, max: 1, step: 0.1, value: 0.5 }, { name: 'steps', min: 1, max: 9, step: 1, value: 3, integer: true }], async ({ beta }) => { seen.push(beta); await settled(); return figure; });
    const sliders = opened.filter((o) => /Slider(Model)$/.test(o.state._model_name));
    assert.deepEqual(sliders.map((o) => [o.state._model_name, o.state.description, o.state.value]), [['FloatSliderModel', 'beta', 0.5], ['IntSliderModel', 'steps', 3]]);
    for (const value of [0.6, 0.7, 0.8]) void sliders[0].move({ method: 'update', state: { value } });
    for (let i = 0; i < 10; i++) await settled();
    assert.deepEqual(seen, [0.5, 0.8]);
    assert.equal(shown.filter((s) => s.kinds[0] === PLOTLY).length, 2);
    await sliders[0].move({ method: 'request_state' });
    assert.equal(sliders[0].sent[0].state.value, 0.8);
  });
});
