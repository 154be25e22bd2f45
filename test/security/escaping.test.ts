// Names come from strangers: a model called <script> stays text in every table, page, figure, card and notebook output.
import assert from 'node:assert/strict';
import { JSDOM } from 'jsdom';
import { modelCard, type CardFacts } from '../../src/export/card';
import { lineFigure } from '../../src/report/figure';
import { toPage } from '../../src/report/html';
import { bundleOf } from '../../src/report/notebook';
import { toSvg } from '../../src/report/svg';
import { toCsv, toHtml, toLatex, toMarkdown, toText, type Table } from '../../src/report/table';

const NAMES = ['<script>alert(1)</script>', '"><img src=x onerror=alert(1)>', '</title></style></svg><script>alert(1)</script>', '<a href="javascript:alert(1)">x</a>', '<svg onload=alert(1)>', '\'"`&lt;', '\u202e\u2028</script>', '\u001b[2J\u001b]0;x\u0007'];

const table = (name: string): Table => ({ title: name, columns: [{ name }, { name: 'n', unit: name }], rows: [[name, 1]], note: name });
const figure = (name: string) => lineFigure({ title: name, x: { title: name }, y: { title: name }, lines: [{ name, x: [1, 2, 3], y: [1, 2, 3] }, { name: `${name} 2`, x: [1, 2], y: [2, 1] }] });
const facts = (name: string): CardFacts => ({ base: name, licence: name, method: name, bits: name, seed: 0, trainedOn: [name], plan: [name], head: 'classification', segments: true, metrics: { task: name, metric: name, quantized: 1, fullPrecision: 1, examples: 1, file: 'metrics.json' } });

/** Asserts that nothing in a piece of HTML or SVG could run, and that it is one piece. */
function inert(html: string, where: string): Document {
  const { document } = new JSDOM(html).window;
  for (const element of document.querySelectorAll('*')) {
    const tag = element.tagName.toLowerCase();
    assert.ok(!['img', 'iframe', 'object', 'embed', 'link', 'base', 'form'].includes(tag), `${where}: an element <${tag}>`);
    if (tag === 'script') assert.equal(element.getAttribute('type'), 'application/json', `${where}: a script`);
    for (const { name, value } of element.attributes) {
      assert.ok(!/^on/i.test(name), `${where}: ${name} of <${tag}>`);
      assert.ok(!/^\s*javascript:/i.test(value), `${where}: ${name}="${value}" of <${tag}>`);
    }
  }
  return document;
}

describe('names of strangers stay text', () => {
  for (const name of NAMES) {
    const told = JSON.stringify(name);

    it(`in HTML and in a page: ${told}`, async () => {
      const body = inert(toHtml(table(name)), 'table');
      assert.ok(body.querySelector('td')!.textContent!.includes(name.replace(/\r/g, '')) || /[\u0000-\u001f\u2028]/.test(name));
      const page = inert(await toPage({ title: name, sections: [{ heading: name, text: name, table: table(name), figure: figure(name) }], data: { name } }), 'page');
      assert.deepEqual(JSON.parse(page.querySelector('#data')!.textContent!), { name });
      assert.match(page.querySelector('meta[http-equiv]')!.getAttribute('content')!, /default-src 'none'/);
    }).timeout(60_000);

    it(`in a figure and in a notebook: ${told}`, async () => {
      inert(await toSvg(figure(name)), 'figure');
      const bundle = await bundleOf(table(name));
      inert(bundle['text/html'] as string, 'notebook');
      const drawn = await bundleOf(figure(name));
      inert(drawn['image/svg+xml'] as string, 'notebook figure');
    }).timeout(60_000);

    it(`in Markdown, a card, LaTeX, CSV and a terminal: ${told}`, () => {
      for (const text of [toMarkdown(table(name)), modelCard('onnx-exact', facts(name), { weights: 1, theory: 1, linear: 1, linearFull: 1, bitsPerParameter: 2 }, { tolerance: 1e-4, noise: 0 }, 'model.onnx').replace(/^---\n[\s\S]*?\n---\n/, '').replace(/```[\s\S]*?```/g, '')]) {
        for (const at of text.matchAll(/<[a-z/!]/gi)) assert.equal(text[at.index! - 1], '\\', `${text.slice(Math.max(0, at.index! - 20), at.index! + 20)}`);
      }
      assert.ok(!/(^|[^\\])[<>&#%_]/.test(toLatex({ ...table(name), columns: [{ name }, { name: 'n' }] }).replace(/ & |\\begin.*|\\end.*/g, '')), 'LaTeX');
      const cells = toCsv({ columns: [{ name: 'a' }], rows: [[`=${name}`]] });
      assert.ok(/^a\r\n"?'=/.test(cells), cells);
      assert.ok(!/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/.test(toText(table(name))), 'a terminal obeys control characters');
    });
  }
});
