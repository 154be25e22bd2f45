import { execFile } from 'node:child_process';
import { strict as assert } from 'node:assert';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

export const root = resolve(__dirname, '..', '..');
const { python } = require('../../scripts/setup/paths.cjs') as { python: string };

export interface Output { output_type: string; data?: Record<string, unknown>; text?: string | string[]; ename?: string; evalue?: string }
export interface Cell { id: string; cell_type: string; source: string | string[]; metadata: { tags?: string[] }; outputs?: Output[]; execution_count?: number | null }
export interface Notebook { cells: Cell[]; metadata: Record<string, any>; nbformat: number; nbformat_minor: number }

const { environment, notebookOf } = require('../../scripts/notebook/command.cjs') as { environment(): NodeJS.ProcessEnv; notebookOf(...sources: string[]): Notebook };
export { notebookOf };

/** What keeps this machine from running notebooks, in words; undefined where it can. */
export function whyNot(): string | undefined {
  return existsSync(python) ? undefined : 'skipped: there is no .venv, so notebooks cannot be run: `npm run setup` makes it';
}

export function readNotebook(file: string): Notebook { return JSON.parse(readFileSync(file, 'utf8')) as Notebook; }

/** Jupyter stores a text as one string or as lines. */
export function textOf(text: unknown): string { return Array.isArray(text) ? text.join('') : String(text ?? ''); }

/** A saved notebook: executed in order, without errors, figures with their pictures, small, and no path of the machine. */
export function checkSaved(file: string): void {
  const code = readNotebook(file).cells.filter((c) => c.cell_type === 'code');
  assert.deepEqual(code.map((c) => c.execution_count), code.map((_, i) => i + 1));
  assert.ok(code.every((c) => c.outputs!.every((o) => o.output_type !== 'error')));
  const figures = code.flatMap((c) => c.outputs!).filter((o) => o.data?.['application/vnd.plotly.v1+json']);
  assert.ok(figures.length > 0 && figures.every((o) => /^<svg/.test(textOf(o.data!['image/svg+xml']))), 'figures have their pictures');
  assert.ok(statSync(file).size < 1_000_000);
  const text = readFileSync(file, 'utf8');
  for (const place of [root, homedir()]) assert.ok(!text.includes(place), `${place} is in the notebook`);
}

/** The notebook with other values after its `parameters` cell, as papermill puts them there. */
export function withParameters(notebook: Notebook, values: Record<string, unknown>): Notebook {
  const at = notebook.cells.findIndex((c) => c.metadata.tags?.includes('parameters'));
  if (at < 0) throw new Error('the notebook has no cell with the tag "parameters"');
  const named = textOf(notebook.cells[at].source);
  for (const name of Object.keys(values)) if (!new RegExp(`\\blet ${name} =`).test(named)) throw new Error(`the notebook has no parameter ${name}`);
  const injected = notebookOf(Object.entries(values).map(([name, value]) => `let ${name} = ${JSON.stringify(value)};`).join('\n')).cells[0];
  return { ...notebook, cells: [...notebook.cells.slice(0, at + 1), { ...injected, id: 'injected-parameters' }, ...notebook.cells.slice(at + 1)] };
}

/** Runs a copy with the kernel that the notebook names. `code` is that of `npm run notebook -- run`, `output` what it says. */
export async function execute(notebook: Notebook): Promise<{ code: number; output: string; notebook: Notebook }> {
  const folder = mkdtempSync(join(tmpdir(), 'zsaq-notebook-')), file = join(folder, 'notebook.ipynb');
  try {
    writeFileSync(file, JSON.stringify({ ...notebook, cells: notebook.cells.map((c) => (c.cell_type === 'code' ? { ...c, outputs: [], execution_count: null } : c)) }));
    const { code, output } = await new Promise<{ code: number; output: string }>((done) => {
      execFile(python, [join(root, 'scripts', 'notebook', 'execute.py'), 'run', file], { cwd: root, env: { ZSAQ_CELL_SECONDS: '300', ...environment() } }, (error, stdout, stderr) => {
        done({ code: error ? Number(error.code ?? 1) : 0, output: stdout + stderr });
      });
    });
    return { code, output, notebook: readNotebook(file) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
