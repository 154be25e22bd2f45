import { tf } from '../core/backend';
import { attention, paddingBias } from '../nn/attention';
import { at } from '../nn/hooks';
import { activation, embedding, layerNorm, linear } from '../nn/layers';
import { boolean, divides, integer, labels, layerCount, number, text, type Config } from './config';
import { inputShape, range, wordEmbeddings, type Head, type LinearLayer, type Model } from './model';
import type { Params } from '../core/tree';
import type { Tensor } from '@tensorflow/tfjs-node-gpu';

/**
 * BERT encoder (Devlin et al. 2019, arXiv 1810.04805), post-norm, with a head on the pooled first token:
 * x <- LN(x + Attention(x)); x <- LN(x + W2 gelu(W1 x)); logits = C tanh(P x[0]).
 */
export function bert(config: Config, head: Head['kind']): Model {
  const hidden = integer(config, 'hidden_size'), layers = layerCount(config);
  const heads = integer(config, 'num_attention_heads'), ffn = integer(config, 'intermediate_size');
  const vocabSize = integer(config, 'vocab_size'), types = integer(config, 'type_vocab_size', 2);
  const maxLength = integer(config, 'max_position_embeddings'), epsilon = number(config, 'layer_norm_eps', 1e-12);
  const act = activation(text(config, 'hidden_act', 'gelu')), prefix = 'bert';
  divides(config, heads, hidden);
  boolean(config, 'is_decoder', false);
  const layerName = (i: number) => `${prefix}.encoder.layer.${i}`;
  const names = labels(config);
  const theHead: Head = head === 'classification' ? { kind: head, labels: names } : { kind: head } as Head;
  const outputs = theHead.kind === 'classification' ? names.length : 1;

  const shapes: Record<string, number[]> = {
    [`${prefix}.embeddings.word_embeddings.weight`]: [vocabSize, hidden],
    [`${prefix}.embeddings.position_embeddings.weight`]: [maxLength, hidden],
    [`${prefix}.embeddings.token_type_embeddings.weight`]: [types, hidden],
    ...norm(`${prefix}.embeddings.LayerNorm`, hidden),
  };
  const linears: LinearLayer[] = [];
  for (let i = 0; i < layers; i++) {
    const l = layerName(i);
    const add = (name: string, site: string, outs: number, ins: number) => {
      Object.assign(shapes, { [`${name}.weight`]: [outs, ins], [`${name}.bias`]: [outs] });
      linears.push({ weight: `${name}.weight`, site });
    };
    for (const part of ['query', 'key', 'value']) add(`${l}.attention.self.${part}`, `${l}.attention.self`, hidden, hidden);
    add(`${l}.attention.output.dense`, `${l}.attention.output.dense`, hidden, hidden);
    Object.assign(shapes, norm(`${l}.attention.output.LayerNorm`, hidden));
    add(`${l}.intermediate.dense`, `${l}.intermediate.dense`, ffn, hidden);
    add(`${l}.output.dense`, `${l}.output.dense`, hidden, ffn);
    Object.assign(shapes, norm(`${l}.output.LayerNorm`, hidden));
  }
  if (theHead.kind !== 'none') {
    Object.assign(shapes, {
      [`${prefix}.pooler.dense.weight`]: [hidden, hidden], [`${prefix}.pooler.dense.bias`]: [hidden],
      'classifier.weight': [outputs, hidden], 'classifier.bias': [outputs],
    });
  }

  const layer = (params: Params, l: string, x: Tensor, bias: Tensor | undefined, hooks: Parameters<Model['forward']>[2]): Tensor => {
    const input = at(hooks, `${l}.attention.self`, x);
    const [q, k, v] = ['query', 'key', 'value'].map((part) => linear(params, `${l}.attention.self.${part}`, input));
    const context = at(hooks, `${l}.attention.output.dense`, attention(q, k, v, heads, bias));
    const attended = layerNorm(params, `${l}.attention.output.LayerNorm`, tf.add(linear(params, `${l}.attention.output.dense`, context), x), epsilon);
    const wide = act(linear(params, `${l}.intermediate.dense`, at(hooks, `${l}.intermediate.dense`, attended)));
    const narrow = linear(params, `${l}.output.dense`, at(hooks, `${l}.output.dense`, wide));
    return layerNorm(params, `${l}.output.LayerNorm`, tf.add(narrow, attended), epsilon);
  };

  const model: Model = {
    family: 'bert', head: theHead, config, vocabSize, hiddenSize: hidden, embeddingSize: hidden, maxLength,
    padId: typeof config.pad_token_id === 'number' ? config.pad_token_id : 0,
    shapes, paramNames: Object.keys(shapes), linears, wordEmbedding: `${prefix}.embeddings.word_embeddings.weight`,

    forward(params, inputs, hooks) {
      const [batch, seq] = inputShape(model, inputs);
      const words = wordEmbeddings((ids) => embedding(params, `${prefix}.embeddings.word_embeddings`, ids), inputs);
      const positions = embedding(params, `${prefix}.embeddings.position_embeddings`, range(seq)); // [seq, hidden]
      const segments = embedding(params, `${prefix}.embeddings.token_type_embeddings`, inputs.typeIds ?? tf.zeros([batch, seq], 'int32'));
      const sum = tf.add(tf.add(words, segments), positions);
      let x = layerNorm(params, `${prefix}.embeddings.LayerNorm`, sum, epsilon); // [batch, seq, hidden]
      const hiddenStates = [x], bias = inputs.mask && paddingBias(inputs.mask);
      for (let i = 0; i < layers; i++) hiddenStates.push((x = layer(params, layerName(i), x, bias, hooks)));
      if (theHead.kind === 'none') return { logits: x, hidden: hiddenStates };
      const first = tf.reshape(tf.slice(x, [0, 0, 0], [batch, 1, hidden]), [batch, hidden]);
      const pooled = tf.tanh(linear(params, `${prefix}.pooler.dense`, first));
      return { logits: linear(params, 'classifier', pooled), hidden: hiddenStates };
    },
  };
  return model;
}

function norm(name: string, n: number): Record<string, number[]> {
  return { [`${name}.weight`]: [n], [`${name}.bias`]: [n] };
}
