// The generator of a shape and the first of its random draws, so that PyTorch can make the same batch.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { loadModel, Streams, type Model } from '../src/index';
import { writeSafetensors } from '../src/io/safetensors';
import { samSgaDefaults, type SamSgaConfig } from '../src/methods/config';
import { drawLayout, type Form, type SpecialIds } from '../src/methods/layout';
import { randomTokens } from '../src/methods/source';
import { pocketModelPath } from '../datasets';
import { copyModel, FIRST_WORD, opt, SETTINGS, writeRandomModel, type Shape } from './shapes';

export const SEED = 0;

/** What a generator needs to know of its teacher. */
export function gameOf(model: Model): { form: Form; special: SpecialIds; vocabulary: Int32Array } {
  return {
    form: model.head.kind === 'languageModel' ? 'tokens' : 'single', special: { pad: model.padId, cls: 2, sep: 3 },
    vocabulary: Int32Array.from({ length: model.vocabSize - FIRST_WORD }, (_, i) => FIRST_WORD + i),
  };
}

/** SAM-SGA's settings on a batch of that size. */
export function gameConfig(batch: number, seq: number): SamSgaConfig { return { ...samSgaDefaults, batch, seq }; }

/** Adds `generator/` and `draws.safetensors` to a shape's folder: an OPT of 4 layers and width 256 with the teacher's vocabulary, or the bundled one. */
export async function prepareDraws(dir: string, { batch, seq, bundled }: Shape): Promise<void> {
  const file = join(dir, 'draws.safetensors'), generator = join(dir, 'generator');
  if (existsSync(file)) return;
  const { model } = await loadModel(dir), { form, special, vocabulary } = gameOf(model), n = batch * seq;
  if (bundled) await copyModel(pocketModelPath('pocket-generator'), generator);
  else writeRandomModel(generator, opt(model.vocabSize, 256, 4, 4));
  // in the order and from the streams that GeneratorSource draws from
  const streams = new Streams(SEED), layout = drawLayout({ ...gameConfig(batch, seq), form }, special, streams.get('layout'));
  const noise = randomTokens(vocabulary, n, streams.get('noise')), count = SETTINGS.candidates;
  const candidates = count >= vocabulary.length ? vocabulary : Int32Array.from(streams.get('candidates').shuffle([...vocabulary]).slice(0, count)).sort();
  const uniforms = Float64Array.from({ length: n }, () => streams.get('samples').next()), high = Float32Array.from(uniforms);
  const i32 = (shape: readonly number[], data: ArrayLike<number>) => ({ dtype: 'I32' as const, shape, data: Int32Array.from(data) });
  writeSafetensors(file, [
    ['source', i32([n], layout.source)], ['specials', i32([layout.specials.length], layout.specials)], ['mask', i32([batch, seq], layout.mask)],
    ['typeIds', i32([batch, seq], layout.typeIds ?? new Int32Array(n))], ['noise', i32([batch, seq], noise)], ['candidates', i32([candidates.length], candidates)],
    // a uniform number has more bits than a float: its rest follows it
    ['uniforms', { dtype: 'F32', shape: [n], data: high }], ['uniformsRest', { dtype: 'F32', shape: [n], data: Float32Array.from(uniforms, (u, i) => u - high[i]) }],
  ]);
}
