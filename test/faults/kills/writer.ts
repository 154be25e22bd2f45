// The writers of zsaq without TensorFlow, so that a process is up in a moment: `writer.ts NAME DIR`. Each goes on where it was
// killed and ends with the same files as an undisturbed run. `read` reads the model again.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { RunFolder } from '../../../src/commands/runFolder';
import { ZsaqError } from '../../../src/core/error';
import { canonicalJson } from '../../../src/io/file';
import { resolveModel } from '../../../src/io/hub';
import { openPretrained, savePretrained } from '../../../src/io/pretrained';

const STEPS = 6, WORDS = 2000;
const [name, dir] = process.argv.slice(2);

/** A state that only the whole course of steps gives. */
function next(state: string): string { return createHash('sha256').update(state).digest('hex'); }

function numbers(state: string): Float32Array {
  return Float32Array.from({ length: WORDS }, (_, i) => parseInt(state.slice(i % 56, (i % 56) + 8), 16) * 2 ** -32);
}

/** As a training does: settings, a checkpoint after every step, a model, metrics last. */
function trainAndSave(): void {
  const folder = RunFolder.open(dir, { steps: STEPS });
  try {
    if (folder.finished()) return;
    const store = folder.checkpoints(), found = store.load();
    let step = found?.step ?? 0, state = (found?.state as { state: string } | undefined)?.state ?? next('start');
    if (found && canonicalJson([...found.tensors.w.data as Float32Array]) !== canonicalJson([...numbers(state)])) throw new Error('weights of another step');
    while (step < STEPS) {
      state = next(state);
      step += 1;
      store.save({ step, state: { state } as never, tensors: { w: { shape: [WORDS], data: numbers(state) } } });
    }
    folder.write('history.json', [state]);
    savePretrained(join(dir, 'model'), { config: { model_type: 'bert' }, tensors: { w: { dtype: 'F32', shape: [WORDS], data: numbers(state) } }, card: { state } });
    folder.finish({ state, steps: step });
  } finally {
    folder.close();
  }
}

/** Versions of one folder, each in the place of the one before. */
function replaceModels(): void {
  const target = join(dir, 'model');
  for (let version = 1; version <= 3; version++) {
    if (existsSync(target)) openPretrained(target).close(); // whole, whatever happened
    savePretrained(target, { config: { model_type: 'bert', version }, tensors: { w: { dtype: 'F32', shape: [WORDS], data: numbers(next(String(version))) } }, card: { version } });
  }
}

function readModel(): void {
  const model = openPretrained(join(dir, 'model'));
  for (const tensor of model.names) model.read(tensor);
  model.close();
}

async function main(): Promise<void> {
  if (name === 'run') trainAndSave();
  else if (name === 'read') readModel();
  else if (name === 'model') replaceModels();
  else await resolveModel('someone/tiny', { env: { ...process.env, HF_HOME: dir }, pause: 1 });
}

main().catch((error: Error) => {
  console.error(error instanceof ZsaqError ? `zsaq: ${error.message}` : error.stack);
  process.exitCode = 1;
});
