import { tf } from '../core/backend';
import { matMul2 } from '../core/kernels';
import { tidy } from '../core/memory';
import { activationHooks } from '../quant/activations';
import { dequantize, type Affine } from '../quant/affine';
import { fitAffine } from '../quant/fit';
import { codeRange, type QuantSpec } from '../quant/spec';
import { calibration, inputDefaults, type InputConfig } from './inputs';
import { layerByLayer, type LayerReport, type Partly } from './layerwise';
import { inverseFactor, roundColumns } from './secondOrder';
import { disposeInputs } from './source';
import { maskOf } from './studentStep';
import type { Inputs, Model } from '../models/model';
import type { Hooks } from '../nn/hooks';
import type { Job, Method } from './method';
import type { Params } from '../core/tree';
import type { Tensor, Tensor2D } from '@tensorflow/tfjs-node-gpu';

export interface GptqConfig extends InputConfig {
  /** what is added to the diagonal of H, as a share of its mean */
  damp: number;
  /** columns as they stand, as the paper has it, or those with the largest inputs first (act-order of the authors' code) */
  order: 'natural' | 'activation';
  /** seconds between checkpoints on disk */
  checkpointSeconds: number;
}

/** Columns whose errors are spread together, where no group asks for another number. */
const BLOCK = 128;

/**
 * GPTQ (Frantar et al. 2023, arXiv 2210.17323): second-order rounding of each linear layer, min ||(W - Q) X||^2 column by
 * column with error feedback through the Cholesky factor of the inverse of the damped H = X Xᵀ. Sites follow each other as in
 * the forward pass, and X is what the partly quantized model gives there, quantized activations included. In natural order
 * groups take their scale from the weights as the feedback has left them; in activation order from the first ones.
 * Unlike the authors' code, a column that never had an input is rounded, not set to zero: calibration may have missed it.
 */
export const gptq: Method<GptqConfig> = {
  id: 'gptq', title: 'GPTQ', defaults: { ...inputDefaults, damp: 0.01, order: 'natural', checkpointSeconds: 60 },
  needs: ({ inputs }) => (inputs === 'real' ? 'data' : 'nothing'),
  variant: ({ inputs }) => `${inputs} inputs`,
  async run(job, config) {
    const batches = await calibration(job, config);
    try {
      return await layerByLayer({
        id: 'gptq', job, parts: sitesOf(job), units: 1, checkpointSeconds: config.checkpointSeconds,
        *improve(site, model) { yield roundSite(job, config, batches, site, model); },
      });
    } finally {
      batches.forEach(disposeInputs);
    }
  },
};

/** Sites with a quantized weight, in the order of the forward pass. */
function sitesOf({ teacher: { model }, plan }: Job): string[] {
  return [...new Set(model.linears.filter(({ weight }) => plan.weights[weight]).map(({ site }) => site))];
}

/**
 * Quantizes the linear layers that share an input; later ones then see what these ones give.
 *
 * @param batches inputs of the model
 */
export function roundSite({ teacher, plan }: Pick<Job, 'teacher' | 'plan'>, { damp, order }: Pick<GptqConfig, 'damp' | 'order'>, batches: readonly Inputs[], site: string, q: Partly): LayerReport {
  const { model, params } = teacher, names = model.linears.filter((l) => l.site === site && plan.weights[l.weight]).map((l) => l.weight);
  const moment = momentAt(model, q.params, batches, site, activationHooks(plan)), n = moment.shape[0];
  const columns = columnsOf(moment, order), factor = inverseFactor(gathered(moment.dataSync(), n, columns), n, damp);
  let error = 0, size = 0;
  for (const name of names) {
    const found = roundMatrix(params[name] as Tensor2D, plan.weights[name], factor, columns, order === 'natural');
    tf.dispose([q.params[name], q.affines[name].scale, q.affines[name].zero]);
    [q.params[name], q.affines[name]] = [found.w, found.affine];
    const [e, s] = tidy(() => [tf.sub(found.w, params[name]), params[name]].map((x) => tf.sum(tf.mul(matMul2(x as Tensor2D, moment), x)).dataSync()[0]));
    [error, size] = [error + e, size + s];
  }
  moment.dispose();
  return { student: size > 0 ? error / size : 0 };
}

/** Nothing after this site is needed. */
const REACHED = Symbol('the site has been reached');

/** X Xᵀ of the inputs at a site, over real tokens, as the layers there see them: `[n, n]`. */
function momentAt(model: Model, params: Params, batches: readonly Inputs[], site: string, hooks: Hooks): Tensor2D {
  let sum: Tensor2D | undefined;
  for (const inputs of batches) {
    const next = tidy(() => {
      const seen: Tensor[] = [];
      try {
        model.forward(params, inputs, { activation(at, x) {
          const y = hooks.activation?.(at, x) ?? x;
          if (at !== site) return y;
          seen.push(y);
          throw REACHED;
        } });
      } catch (e) {
        if (e !== REACHED) throw e;
      }
      const [x] = seen, real = tf.mul(x, tf.expandDims(tf.cast(maskOf(inputs), 'float32'), -1));
      const rows = tf.reshape(real, [-1, x.shape[x.rank - 1]!]) as Tensor2D, moment = matMul2(rows, rows, true, false);
      return sum ? tf.add(sum, moment) as Tensor2D : moment;
    });
    sum?.dispose();
    sum = next;
  }
  return sum!;
}

/** Columns in the order in which they are rounded. */
function columnsOf(moment: Tensor2D, order: GptqConfig['order']): Int32Array {
  const n = moment.shape[0], natural = Int32Array.from({ length: n }, (_, i) => i);
  if (order === 'natural') return natural;
  const h = moment.dataSync(), size = Float64Array.from(natural, (i) => h[i * n + i]);
  return natural.sort((a, b) => size[b] - size[a] || a - b);
}

/** H with rows and columns in the given order. */
function gathered(h: ArrayLike<number>, n: number, columns: Int32Array): Float64Array {
  const out = new Float64Array(n * n);
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) out[i * n + j] = h[columns[i] * n + columns[j]];
  return out;
}

/**
 * One matrix on its grid.
 *
 * @param columns the order in which `factor` has them
 * @param refit groups take their scales when their turn comes
 * @returns the quantized weights and their grid; the caller owns both
 */
export function roundMatrix(weight: Tensor2D, spec: QuantSpec, factor: Float64Array, columns: Int32Array, refit: boolean): { w: Tensor; affine: Affine } {
  const [rows, n] = weight.shape, { granularity } = spec, group = typeof granularity === 'object' ? granularity.group : n;
  const perRow = granularity === 'tensor' ? 0 : n / group, first = fitAffine(weight, spec), values = weight.dataSync();
  const scale = Float32Array.from(first.scale.dataSync()), zero = Float32Array.from(first.zero.dataSync());
  tf.dispose([first.scale, first.zero]);
  const w = new Float64Array(rows * n);
  for (let r = 0; r < rows; r++) for (let j = 0; j < n; j++) w[r * n + j] = values[r * n + columns[j]];
  const renewed = (start: number, end: number): void => {
    const { scale: s, zero: z } = tidy(() => fitAffine(tf.slice(tf.tensor2d(Float32Array.from(w), [rows, n]), [0, start], [rows, end - start]), { ...spec, granularity: 'row' }));
    const [scales, zeros] = [s.dataSync(), z.dataSync()];
    for (let r = 0; r < rows; r++) [scale[r * perRow + start / group], zero[r * perRow + start / group]] = [scales[r], zeros[r]];
    tf.dispose([s, z]);
  };
  const grouped = group < n && refit, codes = roundColumns({
    w, rows, n, factor, ...codeRange(spec), scale, zero, rowGroups: perRow, columnGroup: columns.map((c) => (perRow ? Math.floor(c / group) : 0)),
    block: grouped ? group : BLOCK, onBlock: grouped ? renewed : undefined,
  });
  const placed = new Float32Array(rows * n);
  for (let r = 0; r < rows; r++) for (let j = 0; j < n; j++) placed[r * n + columns[j]] = codes[r * n + j];
  const affine = { scale: tf.tensor2d(scale, [scale.length, 1]), zero: tf.tensor2d(zero, [zero.length, 1]) };
  return { w: tidy(() => dequantize(tf.tensor2d(placed, [rows, n]), affine, spec)), affine };
}
