// What the teacher's layers read and answer on fixed batches, computed once for each batch and layer.
import { tidy } from '../core/memory';
import { part, prefixed, type Params } from '../core/tree';
import { inputTensors, type Inputs, type Model } from '../models/model';
import type { Compile, Compiled } from '../core/graph';
import type { Hooks } from '../nn/hooks';
import type { Network } from './method';
import type { Tensor } from '@tensorflow/tfjs-node-gpu';

/**
 * Hidden states behind layer `number` of hidden states `x` before it, `[batch, seq, hidden]` both: L_k(x), of the last layer as the head sees it.
 * No other layer runs.
 */
export function throughLayer(model: Model, params: Params, inputs: Inputs, number: number, x: Tensor | undefined, hooks: Hooks = {}): Tensor {
  let layer = 0;
  return model.forward(params, inputs, { ...hooks, layer: (f, own, [h, ...rest]) => (layer++ === number ? f(own, [x ?? h, ...rest]) : h) }).hidden[number + 1];
}

/** The states of every batch for one layer at a time; going on to a later layer forgets those of the earlier one. */
export class TeacherStates {
  private readonly states: { layer: number; x?: Tensor; y: Tensor }[] = [];
  private readonly graphs: Compiled[] = [];

  constructor(private readonly teacher: Network, readonly batches: readonly Inputs[], private readonly compile: Compile) {}

  /** Input x and output y of a layer on a batch; they belong to this and live until the batch is asked for a later layer. */
  of(batch: number, number: number): { x: Tensor; y: Tensor } {
    let state = this.states[batch];
    if (!state) this.states[batch] = state = { layer: -1, y: this.run(batch, -1) }; // layer -1 makes the embeddings
    while (state.layer < number) {
      const y = this.run(batch, state.layer + 1, state.y);
      state.x?.dispose();
      this.states[batch] = state = { layer: state.layer + 1, x: state.y, y };
    }
    return { x: state.x!, y: state.y };
  }

  private run(batch: number, number: number, x?: Tensor): Tensor {
    const { model, params } = this.teacher;
    const graph = (this.graphs[number + 1] ??= this.compile((given) => ({ y: throughLayer(model, params, part(given, 'inputs/') as Inputs, number, given.x) }), params));
    return tidy(() => graph({ ...prefixed('inputs/', inputTensors(this.batches[batch])), ...(x ? { x } : {}) })).y;
  }

  dispose(): void {
    for (const { x, y } of this.states.filter(Boolean)) x?.dispose(), y.dispose();
    for (const graph of this.graphs.filter(Boolean)) graph.dispose();
  }
}
