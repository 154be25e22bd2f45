import assert from 'node:assert/strict';
import { barFigure, heatFigure, histogramFigure, lineFigure, lossFigure, sliderFigure } from '../../src/report/figure';
import { INK, PALETTE, plain } from '../../src/report/template';

/** Linear light of a colour (sRGB, IEC 61966-2-1). */
const linear = (hex: string) => [1, 3, 5].map((i) => Number.parseInt(hex.slice(i, i + 2), 16) / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
const luminance = (hex: string) => { const [r, g, b] = linear(hex); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
const contrast = (a: string, b: string) => { const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y); return (high + 0.05) / (low + 0.05); };

/** CIE L*a*b* (D65) of linear light. */
function lab([r, g, b]: number[]): number[] {
  const xyz = [(0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.95047, 0.2126 * r + 0.7152 * g + 0.0722 * b, (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.08883];
  const [x, y, z] = xyz.map((t) => (t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 16 / 116));
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

/** Severe colour-vision deficiencies (Machado, Oliveira and Fernandes 2009, table 1, severity 1). */
const DEFICIENCIES: Record<string, number[][]> = {
  protanopia: [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
  deuteranopia: [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
};
const seen = (hex: string, m: number[][]) => lab(m.map((row) => Math.max(0, row.reduce((sum, w, i) => sum + w * linear(hex)[i], 0))));
const distance = (a: number[], b: number[]) => Math.hypot(...a.map((v, i) => v - b[i]));

describe('report/template', () => {
  it('is readable on white and on dark pages', () => {
    for (const page of ['#ffffff', '#111111']) {
      for (const color of PALETTE) assert.ok(contrast(color, page) >= 3, `${color} on ${page}: ${contrast(color, page).toFixed(2)}`);
      assert.ok(contrast(INK, page) >= 4, `text on ${page}: ${contrast(INK, page).toFixed(2)}`);
    }
  });

  it('has first colours that differ for any colour vision', () => {
    for (const [name, matrix] of Object.entries(DEFICIENCIES)) {
      for (let i = 0; i < 4; i++) for (let k = 0; k < i; k++) {
        const d = distance(seen(PALETTE[i], matrix), seen(PALETTE[k], matrix));
        assert.ok(d >= 12, `${PALETTE[i]} and ${PALETTE[k]} under ${name}: ${d.toFixed(1)}`);
      }
    }
  });

  it('keeps names text', () => assert.equal(plain('<b>a</b> & <script>'), '&lt;b&gt;a&lt;/b&gt; &amp; &lt;script&gt;'));
});

describe('report/figure', () => {
  it('draws both players on two axes', () => {
    const { data, layout } = lossFigure([{ step: 1, student: 2, generator: 0.5 }, { step: 2, student: NaN, generator: 0.75 }]);
    assert.deepEqual(data, [
      { type: 'scatter', mode: 'lines', name: 'student: loss it minimizes', x: [1, 2], y: [2, null], line: { color: '#1478b8', dash: 'solid', width: 2 } },
      { type: 'scatter', mode: 'lines', name: 'generator: divergence it maximizes', x: [1, 2], y: [0.5, 0.75], line: { color: '#d55e00', dash: 'dash', width: 2 }, yaxis: 'y2' },
    ]);
    assert.equal((layout as any).yaxis2.overlaying, 'y');
    assert.equal((layout as any).yaxis2.side, 'right');
  });

  it('joins the turns of a generator that plays every other step', () => {
    const { data } = lossFigure([{ step: 1, student: 2, generator: 0.5 }, { step: 2, student: 3 }, { step: 3, student: 1, generator: 0.75 }]);
    assert.deepEqual(data.map(({ x, y }) => [x, y]), [[[1, 2, 3], [2, 3, 1]], [[1, 3], [0.5, 0.75]]]);
  });

  it('draws one player alone', () => {
    const { data, layout } = lossFigure([{ step: 1, student: 2 }], { log: true });
    assert.equal(data.length, 1);
    assert.equal((layout as any).yaxis2, undefined);
    assert.equal((layout as any).yaxis.type, 'log');
  });

  it('draws a run that diverged as its word', () => {
    const colours = (alike: boolean) => (barFigure({ title: 'T', y: { title: 'n' }, bars: [{ name: 'a', value: 1 }, { name: 'b', value: 2 }], alike }).data[0].marker as { color: string[] }).color;
    assert.deepEqual([colours(true), colours(false)], [[PALETTE[0], PALETTE[0]], [PALETTE[0], PALETTE[1]]]);
    const { data, layout } = barFigure({ title: 'T', y: { title: 'accuracy' }, bars: [{ name: 'a', value: 82.34, spread: 0.5 }, { name: '<b>', value: null, label: 'diverged' }], reference: { name: 'fp', value: 87.4 } });
    assert.deepEqual(data[0].y, [82.34, 0]);
    assert.deepEqual(data[0].text, ['82.3', 'diverged']);
    assert.deepEqual(data[0].x, ['a', '&lt;b&gt;']);
    assert.deepEqual((data[0].error_y as any).array, [0.5, null]);
    assert.equal((layout as any).annotations[0].text, 'fp 87.4');
    assert.equal((layout as any).shapes[0].y0, 87.4);
  });

  it('counts values into bins, the last one closed', () => {
    const { data } = histogramFigure({ title: 'T', x: { title: 'w' }, series: [{ name: 'a', values: [0, 1, 2, 4] }, { name: 'b', values: new Float32Array([4, 4]) }], bins: 4 });
    assert.deepEqual(data.map((d) => d.y), [[1, 1, 1, 1], [0, 0, 0, 2]]);
    assert.deepEqual(data[0].x, [0.5, 1.5, 2.5, 3.5]);
    assert.throws(() => histogramFigure({ title: 'T', x: { title: 'w' }, series: [{ name: 'a', values: [] }] }), { code: 'format' });
    const marked = histogramFigure({ title: 'T', x: { title: 'w' }, series: [{ name: 'a', values: [0, 1] }], marks: [-0.5, 0.5] }).layout as any;
    assert.deepEqual(marked.shapes.map((s: any) => [s.x0, s.x1, s.yref]), [[-0.5, -0.5, 'paper'], [0.5, 0.5, 'paper']]);
  });

  it('draws bands, slides over figures and checks sizes', () => {
    const line = (y: number[]) => lineFigure({ title: 'T', x: { title: 'x' }, y: { title: 'y' }, lines: [{ name: 'a', x: [1, 2], y, low: [0, 1], high: [2, 3] }] });
    assert.deepEqual(line([1, 2]).data.map((d) => [d.fill, d.y]), [[undefined, [0, 1]], ['tonexty', [2, 3]], [undefined, [1, 2]]]);
    const slid = sliderFigure({ name: 'beta', values: [0.1, 0.2], figure: (v) => line([Number(v), 1]), active: 1 });
    assert.deepEqual(slid.frames?.map((f) => [f.name, (f.data as any[])[2].y]), [['0.1', [0.1, 1]], ['0.2', [0.2, 1]]]);
    assert.deepEqual(slid.data[2].y, [0.2, 1]);
    assert.throws(() => line([1]), { code: 'mismatch', message: 'line a has 2 x and 1 y values: give as many of each' });
    const [same] = heatFigure({ title: 'H', x: { title: 'x', at: [1] }, y: { title: 'y', at: [1] }, z: [[1]], value: 'loss', range: [0, 2] }).data;
    assert.deepEqual([same.zmin, same.zmax], [0, 2]);
    assert.throws(() => heatFigure({ title: 'H', x: { title: 'x', at: [1, 2] }, y: { title: 'y', at: [1] }, z: [[1]], value: 'loss' }), { code: 'mismatch' });
    assert.throws(() => sliderFigure({ name: 'beta', values: [1], figure: () => line([1, 2]), active: 4 }), { code: 'range' });
  });
});
