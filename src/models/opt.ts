import { tf } from '../core/backend';
import * as kernels from '../core/kernels';
import { get, type Params } from '../core/tree';
import { activation, isOneSided } from '../nn/activations';
import { at, runLayer, type Hooks } from '../nn/hooks';
import { embedding, layerNorm, linear } from '../nn/layers';
import { causalCall, type CausalCall } from './causal';
import { architecture, boolean, divides, integer, layerCount, only, padToken, text, type Config } from './config';
import { wordEmbeddings, type LinearLayer, type Model } from './model';
import type { Tensor, Tensor2D } from '@tensorflow/tfjs-node-gpu';

/** OPT's learned positions start at row 2. */
export const OFFSET = 2, EPSILON = 1e-5;

/** What OPT's `config.json` says, checked. */
export function optSizes(config: Config) {
  architecture(config, ['OPTForCausalLM', 'OPTModel']);
  only(config, 'layer_norm_elementwise_affine', true);
  const hidden = integer(config, 'hidden_size'), preNorm = boolean(config, 'do_layer_norm_before', true);
  return {
    hidden, layers: layerCount(config), heads: integer(config, 'num_attention_heads'), ffn: integer(config, 'ffn_dim'),
    vocabSize: integer(config, 'vocab_size'), maxLength: integer(config, 'max_position_embeddings'), embeddingSize: integer(config, 'word_embed_proj_dim', hidden),
    preNorm, lastNorm: preNorm && !boolean(config, '_remove_final_layer_norm', false), bias: boolean(config, 'enable_bias', true),
    tied: boolean(config, 'tie_word_embeddings', true), act: text(config, 'activation_function', 'relu'),
  };
}

/**
 * OPT decoder (Zhang et al. 2022, arXiv 2205.01068) with language-model head. Pre-norm: x <- x + F(LN(x)) and a last
 * layer norm; post-norm (OPT-350m): x <- LN(x + F(x)) and none. With `word_embed_proj_dim` unlike `hidden_size`
 * (OPT-350m) the embeddings pass through `project_in`, the last states through `project_out`.
 */
export function opt(config: Config): Model {
  const { hidden, layers, heads, ffn, vocabSize, maxLength, embeddingSize, preNorm, lastNorm, bias, tied, act: named } = optSizes(config);
  const act = activation(named), prefix = 'model.decoder';
  divides(config, heads, hidden);
  const layerName = (i: number) => `${prefix}.layers.${i}`;
  const probabilitiesOf = (i: number) => `${layerName(i)}.self_attn.probabilities`;
  const projected = embeddingSize !== hidden;

  const shapes: Record<string, number[]> = {
    [`${prefix}.embed_tokens.weight`]: [vocabSize, embeddingSize],
    [`${prefix}.embed_positions.weight`]: [maxLength + OFFSET, hidden],
  };
  const linears: LinearLayer[] = [];
  const add = (name: string, site: string, outs: number, ins: number, withBias: boolean, more: Partial<LinearLayer> = {}) => {
    shapes[`${name}.weight`] = [outs, ins];
    if (withBias) shapes[`${name}.bias`] = [outs];
    linears.push({ weight: `${name}.weight`, site, ...more });
  };
  const addNorm = (name: string) => Object.assign(shapes, { [`${name}.weight`]: [hidden], [`${name}.bias`]: [hidden] });
  if (projected) add(`${prefix}.project_in`, `${prefix}.project_in`, hidden, embeddingSize, false);
  for (let i = 0; i < layers; i++) {
    const l = layerName(i);
    for (const part of ['q_proj', 'k_proj', 'v_proj']) add(`${l}.self_attn.${part}`, `${l}.self_attn`, hidden, hidden, bias);
    add(`${l}.self_attn.out_proj`, `${l}.self_attn.out_proj`, hidden, hidden, bias);
    addNorm(`${l}.self_attn_layer_norm`);
    add(`${l}.fc1`, `${l}.fc1`, ffn, hidden, bias);
    add(`${l}.fc2`, `${l}.fc2`, hidden, ffn, bias, { oneSided: isOneSided(act) });
    addNorm(`${l}.final_layer_norm`);
  }
  if (lastNorm) addNorm(`${prefix}.final_layer_norm`);
  if (projected) add(`${prefix}.project_out`, `${prefix}.project_out`, embeddingSize, hidden, false);
  if (!tied) shapes['lm_head.weight'] = [vocabSize, embeddingSize];

  /** One residual branch with its layer norm before or after. */
  const branch = (params: Params, norm: string, x: Tensor, f: (x: Tensor) => Tensor): Tensor => preNorm
    ? tf.add(x, f(layerNorm(params, norm, x, EPSILON)))
    : layerNorm(params, norm, tf.add(x, f(x)), EPSILON);

  const layer = (params: Params, i: number, x: Tensor, call: CausalCall, hiding: Tensor, hooks?: Hooks): Tensor => {
    const l = layerName(i);
    const attended = branch(params, `${l}.self_attn_layer_norm`, x, (h) => {
      const input = at(hooks, `${l}.self_attn`, h);
      const [q, k, v] = ['q_proj', 'k_proj', 'v_proj'].map((part) => linear(params, `${l}.self_attn.${part}`, input, hooks));
      return linear(params, `${l}.self_attn.out_proj`, at(hooks, `${l}.self_attn.out_proj`, call.attend(i, q, k, v, heads, hiding, undefined, (p) => at(hooks, probabilitiesOf(i), p))), hooks);
    });
    return branch(params, `${l}.final_layer_norm`, attended, (h) => {
      const wide = act(linear(params, `${l}.fc1`, at(hooks, `${l}.fc1`, h), hooks));
      return linear(params, `${l}.fc2`, at(hooks, `${l}.fc2`, wide), hooks);
    });
  };

  const model: Model = {
    family: 'opt', head: { kind: 'languageModel' }, config, vocabSize, hiddenSize: hidden, embeddingSize, maxLength,
    padId: padToken(config, 1), shapes, paramNames: Object.keys(shapes), headNames: new Set(tied ? [] : ['lm_head.weight']), linears, probabilities: Array.from({ length: layers }, (_, i) => probabilitiesOf(i)), wordEmbedding: `${prefix}.embed_tokens.weight`,

    forward(params, inputs, hooks) {
      const call = causalCall(model, inputs, OFFSET);
      let words = wordEmbeddings((ids) => embedding(params, `${prefix}.embed_tokens`, ids), inputs);
      if (projected) words = linear(params, `${prefix}.project_in`, at(hooks, `${prefix}.project_in`, words), hooks);
      let x = tf.add(words, embedding(params, `${prefix}.embed_positions`, call.positions)); // [batch, seq, hidden]
      const hiddenStates = [x];
      for (let i = 0; i < layers; i++) hiddenStates.push((x = runLayer(hooks, `${layerName(i)}.`, params, x, call.hiding, (p, h, hiding) => layer(p, i, h, call, hiding!, hooks))));
      if (lastNorm) x = layerNorm(params, `${prefix}.final_layer_norm`, x, EPSILON);
      if (projected) x = linear(params, `${prefix}.project_out`, at(hooks, `${prefix}.project_out`, x), hooks);
      hiddenStates[layers] = x;
      const head = get(params, tied ? `${prefix}.embed_tokens.weight` : 'lm_head.weight') as Tensor2D;
      return call.output(kernels.linear(call.read(x), head), hiddenStates);
    },
  };
  return model;
}
