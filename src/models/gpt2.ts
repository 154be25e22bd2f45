import { tf } from '../core/backend';
import * as kernels from '../core/kernels';
import { get, type Params } from '../core/tree';
import { activation, isOneSided } from '../nn/activations';
import { at, runLayer, type Hooks } from '../nn/hooks';
import { embedding, layerNorm, linear } from '../nn/layers';
import { causalCall, type CausalCall } from './causal';
import { architecture, boolean, divides, integer, layerCount, number, only, padToken, text, type Config } from './config';
import { wordEmbeddings, type LinearLayer, type Model } from './model';
import type { Tensor, Tensor2D } from '@tensorflow/tfjs-node-gpu';

/** What GPT-2's `config.json` says, checked; `scale(i)` multiplies the scores of layer i. */
export function gpt2Sizes(config: Config) {
  architecture(config, ['GPT2LMHeadModel', 'GPT2Model', 'GPT2DoubleHeadsModel']);
  only(config, 'add_cross_attention', false);
  const hidden = integer(config, 'n_embd'), heads = integer(config, 'n_head');
  const scaled = boolean(config, 'scale_attn_weights', true), byLayer = boolean(config, 'scale_attn_by_inverse_layer_idx', false);
  return {
    hidden, layers: layerCount(config, 'n_layer'), heads, ffn: integer(config, 'n_inner', 4 * hidden), vocabSize: integer(config, 'vocab_size'),
    maxLength: integer(config, 'n_positions'), epsilon: number(config, 'layer_norm_epsilon', 1e-5), tied: boolean(config, 'tie_word_embeddings', true),
    act: text(config, 'activation_function', 'gelu_new'), scale: (i: number) => (scaled ? 1 / Math.sqrt(hidden / heads) : 1) / (byLayer ? i + 1 : 1),
  };
}

/**
 * GPT-2 (Radford et al. 2019) with language-model head, pre-norm: x <- x + Attention(LN(x)); x <- x + W2 gelu(W1 LN(x)).
 * Query, key and value are one product `c_attn`. Its files hold weights as `[in, out]`; here they are `[out, in]`
 * (`storedTransposed`).
 */
export function gpt2(config: Config): Model {
  const { hidden, layers, heads, ffn, vocabSize, maxLength, epsilon, tied, act: named, scale } = gpt2Sizes(config), act = activation(named);
  divides(config, heads, hidden);
  const prefix = 'transformer', layerName = (i: number) => `${prefix}.h.${i}`, probabilitiesOf = (i: number) => `${layerName(i)}.attn.probabilities`;

  const shapes: Record<string, number[]> = { [`${prefix}.wte.weight`]: [vocabSize, hidden], [`${prefix}.wpe.weight`]: [maxLength, hidden] };
  const linears: LinearLayer[] = [];
  const add = (name: string, outs: number, ins: number, more: Partial<LinearLayer> = {}) => {
    Object.assign(shapes, { [`${name}.weight`]: [outs, ins], [`${name}.bias`]: [outs] });
    linears.push({ weight: `${name}.weight`, site: name, ...more });
  };
  const addNorm = (name: string) => Object.assign(shapes, { [`${name}.weight`]: [hidden], [`${name}.bias`]: [hidden] });
  for (let i = 0; i < layers; i++) {
    const l = layerName(i);
    addNorm(`${l}.ln_1`);
    add(`${l}.attn.c_attn`, 3 * hidden, hidden);
    add(`${l}.attn.c_proj`, hidden, hidden);
    addNorm(`${l}.ln_2`);
    add(`${l}.mlp.c_fc`, ffn, hidden);
    add(`${l}.mlp.c_proj`, hidden, ffn, { oneSided: isOneSided(act) });
  }
  addNorm(`${prefix}.ln_f`);
  if (!tied) shapes['lm_head.weight'] = [vocabSize, hidden];

  const layer = (params: Params, i: number, x: Tensor, call: CausalCall, hiding: Tensor, hooks?: Hooks): Tensor => {
    const l = layerName(i), product = (name: string, input: Tensor) => linear(params, `${l}.${name}`, at(hooks, `${l}.${name}`, input), hooks);
    const [q, k, v] = tf.split(product('attn.c_attn', layerNorm(params, `${l}.ln_1`, x, epsilon)), 3, -1);
    const attended = tf.add(x, product('attn.c_proj', call.attend(i, q, k, v, heads, hiding, scale(i), (p) => at(hooks, probabilitiesOf(i), p))));
    return tf.add(attended, product('mlp.c_proj', act(product('mlp.c_fc', layerNorm(params, `${l}.ln_2`, attended, epsilon)))));
  };

  const model: Model = {
    family: 'gpt2', head: { kind: 'languageModel' }, config, vocabSize, hiddenSize: hidden, embeddingSize: hidden, maxLength,
    // GPT-2 was trained without padding; its end of text stands in, as is usual
    padId: padToken(config, typeof config.eos_token_id === 'number' ? config.eos_token_id : 0),
    shapes, paramNames: Object.keys(shapes), headNames: new Set(tied ? [] : ['lm_head.weight']), linears, probabilities: Array.from({ length: layers }, (_, i) => probabilitiesOf(i)), wordEmbedding: `${prefix}.wte.weight`,
    storedTransposed: new Set(linears.map(({ weight }) => weight)),

    forward(params, inputs, hooks) {
      const call = causalCall(model, inputs, 0), words = wordEmbeddings((ids) => embedding(params, `${prefix}.wte`, ids), inputs);
      let x = tf.add(words, embedding(params, `${prefix}.wpe`, call.positions)); // [batch, seq, hidden]
      const hiddenStates = [x];
      for (let i = 0; i < layers; i++) hiddenStates.push((x = runLayer(hooks, `${layerName(i)}.`, params, x, call.hiding, (p, h, hiding) => layer(p, i, h, call, hiding!, hooks))));
      hiddenStates[layers] = x = layerNorm(params, `${prefix}.ln_f`, x, epsilon);
      const head = get(params, tied ? `${prefix}.wte.weight` : 'lm_head.weight') as Tensor2D;
      return call.output(kernels.linear(call.read(x), head), hiddenStates);
    },
  };
  return model;
}
