import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { barFigure, heatFigure, lineFigure, lossFigure } from '../../src/report/figure';
import { toPage } from '../../src/report/html';
import { toSketch } from '../../src/report/sketch';
import { toSvg } from '../../src/report/svg';
import type { Figure } from '../../src/report/template';

const history = Array.from({ length: 40 }, (_, i) => ({ step: i + 1, student: 2 / (1 + i / 8), generator: 0.5 + ((i * 7) % 11) / 40 }));
const FIGURES: Record<string, Figure> = {
  loss: lossFigure(history),
  bars: barFigure({ title: 'SST-2 at W2A8', y: { title: 'accuracy (%)', range: [0, 100] }, bars: [{ name: 'absmax', value: 53.6 }, { name: 'QAT', value: null, label: 'diverged' }, { name: 'SAM-SGA', value: 85.9 }], reference: { name: 'full precision', value: 87.4 } }),
};

/** One element a line and two decimals: what a reader can compare. */
const readable = (svg: string) => svg.replace(/></g, '>\n<').replace(/-?\d+\.\d{3,}/g, (n) => String(Number(Number(n).toFixed(2)))) + '\n';

describe('report/svg', function () {
  this.timeout(60_000);

  for (const [name, figure] of Object.entries(FIGURES)) {
    it(`draws ${name} as in snapshots/${name}.svg`, async () => {
      const file = path.join(__dirname, 'snapshots', `${name}.svg`);
      const drawn = readable(await toSvg(figure));
      if (process.env.ZSAQ_UPDATE_SNAPSHOTS) fs.writeFileSync(file, drawn);
      if (drawn !== fs.readFileSync(file, 'utf8')) {
        const changed = file.replace('.svg', '-changed.svg');
        fs.writeFileSync(changed, drawn);
        assert.fail(`the drawing is another one: compare ${path.basename(changed)} with ${path.basename(file)} (ZSAQ_UPDATE_SNAPSHOTS=1 takes it over)`);
      }
    });
  }

  it('keeps a legend of many lines below the title, and names the places of an axis that has no order', async () => {
    const lines = Array.from({ length: 12 }, (_, i) => ({ name: `generator ${i}, rate 0.001`, x: [0, 1, 2], y: [i, i + 1, i] }));
    const svg = await toSvg(lineFigure({ title: 'Title', x: { title: 'place', names: ['frozen', 'recipe', 'a<b'] }, y: { title: 'y' }, lines }));
    const legend = Number(/<g class="legend"[^>]*translate\([\d.]+, ?([\d.]+)\)/.exec(svg)![1]), title = Number(/class="gtitle"[^>]* y="([\d.]+)"/.exec(svg)?.[1] ?? /<text[^>]* y="([\d.]+)"[^>]*>Title/.exec(svg)![1]);
    assert.ok(legend > title, `legend at ${legend}, title at ${title}`);
    for (const name of ['frozen', 'recipe', 'a(&lt;|&#60;)b']) assert.match(svg, new RegExp(`>${name}<`));
  });

  it('draws the same text for the same figure, with ids of its own', async () => {
    const ids = (svg: string) => [...svg.matchAll(/\bid="([^"]+)"/g)].map(([, id]) => id);
    const one = await toSvg(FIGURES.loss), other = await toSvg(FIGURES.bars), again = await toSvg(FIGURES.loss);
    assert.equal(one, again);
    assert.deepEqual(await Promise.all([toSvg(FIGURES.bars), toSvg(FIGURES.loss)]), [other, one], 'also where several are asked for at once');
    const shared = ids(one).filter((id) => ids(other).includes(id));
    assert.deepEqual(shared, [], 'two figures on a page would clip each other');
    for (const [, id] of one.matchAll(/url\((?:&quot;|'|")?#([^)'"&]+)/g)) assert.ok(ids(one).includes(id), id);
  });

  it('leaves no mark of plotly\'s own in the fonts, and puts what stands in brackets on a second line of a bar\'s label', async () => {
    const svg = await toSvg(barFigure({ title: 'T', y: { title: 'y' }, bars: [{ name: 'round to nearest (symmetric, absmax)', value: 1 }, { name: 'SAM-SGA', value: 2 }] }));
    assert.ok(!svg.includes('TOBESTRIPPED'));
    assert.match(svg, /<tspan class="line"[^>]*>round to nearest<\/tspan><tspan class="line"[^>]*>\(symmetric, absmax\)<\/tspan>/);
    assert.doesNotMatch(svg, /<text[^>]*transform="[^"]*rotate\((?!-90)[^"]*"[^>]*>round/, 'upright labels do not leave the picture');
  });

  it('draws points where they belong', async () => {
    const svg = await toSvg(lineFigure({ title: 'T', x: { title: 'x', range: [0, 4] }, y: { title: 'y', range: [0, 4] }, lines: [{ name: 'a', x: [0, 2, 4], y: [0, 4, 2] }] }), { width: 496, height: 332 });
    const path = /class="js-line"[^>]* d="([^"]+)"/.exec(svg)?.[1] ?? '';
    const points = [...path.matchAll(/[ML](-?[\d.]+),(-?[\d.]+)/g)].map(([, x, y]) => [Number(x), Number(y)]);
    assert.deepEqual(points, [[0, 200], [200, 0], [400, 100]]); // 400 x 200 inside the margins
  });

  it('draws a heat map and a figure without a layout', async () => {
    assert.match(await toSvg(heatFigure({ title: 'H', x: { title: 'x', at: [1, 2] }, y: { title: 'y', at: [1, 2] }, z: [[1, 2], [3, 4]], value: 'loss' })), /data:image\/png;base64,/);
    assert.match(await toSvg({ data: [{ y: [1, 2] }] }, { width: 300, height: 200 }), /^<svg [^>]*width="300" height="200"/);
  });

  it('keeps markup in names as text', async () => {
    const name = '<script>alert(1)</script><a href="javascript:alert(2)">x</a><b>';
    const svg = await toSvg(lineFigure({ title: name, x: { title: name }, y: { title: name }, lines: [{ name, x: [1, 2], y: [1, 2] }, { name, x: [1, 2], y: [1, 3] }] }));
    assert.ok(!/<(script|a|b)[ >]/i.test(svg));
    assert.match(svg, /(&lt;|&#60;)script(&gt;|&#62;)alert/);
  });

  it('says in one sentence what it cannot draw', async () => {
    await assert.rejects(toSvg({ data: 5 as never }), (error: Error) => error.name === 'ZsaqError' && /^the figure cannot be drawn \(its data is no list of traces\): give data and layout as Plotly defines them$/.test(error.message));
  });
});

describe('report/html', () => {
  it('stands alone, runs nothing and keeps every text text', async () => {
    const evil = '</script><script>alert(1)</script>';
    const page = await toPage({
      title: evil, data: { evil, line: '\u2028' },
      sections: [{ heading: evil, text: evil, figure: FIGURES.loss, table: { title: evil, columns: [{ name: evil }], rows: [[evil]] } }],
    });
    assert.ok(!/(?:src|href)\s*=\s*["']?(?:https?:)?\/\//i.test(page), 'nothing is loaded');
    assert.deepEqual([...page.matchAll(/<script[^>]*>/g)].map(([tag]) => tag), ['<script type="application/json" id="data">']);
    assert.match(page, /default-src 'none'/);
    const data = /<script type="application\/json" id="data">([^]*?)<\/script>/.exec(page)?.[1] ?? '';
    assert.deepEqual(JSON.parse(data), { evil, line: '\u2028' });
    assert.ok(page.length < 60_000, `${page.length} characters`);
  });
});

describe('report/sketch', () => {
  it('draws lines on both axes, with gaps and without markup', () => {
    const svg = toSketch(lossFigure([{ step: 0, student: 0, generator: 10 }, { step: 1, student: NaN, generator: 20 }, { step: 2, student: 4, generator: 10 }], { title: '<b>&' }));
    const paths = [...svg.matchAll(/<path d="([^"]+)" fill="none" stroke="(#\w+)"/g)].map(([, d, color]) => [d, color]);
    assert.deepEqual(paths, [['M64.0 312.0M636.0 64.0', '#1478b8'], ['M64.0 312.0L350.0 64.0L636.0 312.0', '#d55e00']]);
    assert.ok(svg.includes('&lt;b&gt;&amp;'));
  });

  it('keeps the peaks of a long line and stays small', () => {
    const y = Array.from({ length: 100_000 }, (_, i) => (i === 54_321 ? 9 : i % 2));
    const svg = toSketch(lineFigure({ title: 'T', x: { title: 'x' }, y: { title: 'y' }, lines: [{ name: 'a', x: y.map((_, i) => i), y }] }));
    assert.ok(svg.length < 60_000, `${svg.length} characters`);
    assert.match(svg, /L\d+\.\d 64\.0/);
  });

  it('draws a figure without a single point', () => assert.match(toSketch(lossFigure([])), /^<svg[^]*<\/svg>$/));
});
