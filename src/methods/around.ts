import { tidy } from '../core/memory';
import { dispose, pick, prefixed, type Params } from '../core/tree';
import { divergence, type DivergenceConfig } from '../train/divergence';
import { maskOf } from './studentStep';
import { inputTensors, type Inputs } from '../models/model';
import type { Network, Quantized } from './method';
import type { Scalar, Tensor } from '@tensorflow/tfjs-node-gpu';

/** D(P, Q) on fixed inputs as a function of the quantized weights: what sharpness, curvature and landscapes are taken of. */
export interface Around {
  /** the quantized weights, word embeddings excepted; they belong to the result */
  w: Record<string, Tensor>;
  loss(w: Params): Scalar;
  /** tensors that the loss reads besides */
  held: Params;
  dispose(): void;
}

/**
 * The surroundings of a quantized model. Activations are not rounded here: a staircase has no curvature.
 *
 * @example
 * const { w, loss, held } = divergenceAround(result, teacher, inputs, settings.divergence), objective = makeObjective(loss, held);
 * const line = await landscape(objective, w, [filterDirection(w, 0)]);
 */
export function divergenceAround({ params, plan }: Pick<Quantized, 'params' | 'plan'>, { model, params: full }: Network, inputs: Inputs, config: DivergenceConfig): Around {
  const target = tidy(() => { const { logits, hidden } = model.forward(full, inputs); return { logits, hidden }; }), answers = { logits: target.logits, ...Object.fromEntries(target.hidden.map((h, i) => [`hidden${i}`, h])) };
  return {
    w: pick(params, Object.keys(plan.weights).filter((name) => name !== model.wordEmbedding)),
    loss: (w) => divergence(model.forward({ ...params, ...w }, inputs), target, maskOf(inputs), config),
    held: { ...prefixed('student/', params), ...prefixed('inputs/', inputTensors(inputs)), ...answers },
    dispose: () => dispose(answers),
  };
}
