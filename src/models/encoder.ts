import { tf } from '../core/backend';
import { activation, isOneSided } from '../nn/activations';
import { attention, paddingBias } from '../nn/attention';
import { at, dropped, runLayer, type Hooks } from '../nn/hooks';
import { embedding, layerNorm, linear } from '../nn/layers';
import { divides, type Config } from './config';
import { encoderHead, maskedHead, sequenceHead, type MaskedHead, type SequenceHead } from './heads';
import { inputShape, range, wordEmbeddings, type Inputs, type LinearLayer, type Model } from './model';
import type { Params } from '../core/tree';
import type { Tensor } from '@tensorflow/tfjs-node-gpu';

/** Names of one layer. */
export interface EncoderLayer {
  /** how the names of its parameters begin */
  prefix: string;
  query: string; key: string; value: string;
  /** site of the input that query, key and value share */
  site: string;
  context: string; contextNorm: string;
  wide: string; narrow: string; outputNorm: string;
}

/** Where encoders of BERT's family differ: sizes, names, positions, heads. */
export interface EncoderDescription {
  family: string;
  /** as in the names of its classes: `BertForSequenceClassification` */
  className: string;
  hidden: number; layers: number; heads: number; ffn: number; vocabSize: number;
  /** rows of the position table */
  positionRows: number;
  maxLength: number;
  /** rows of the segment table; 0: there is none */
  types: number;
  padId: number;
  epsilon: number;
  /** nonlinearity, as `config.json` names it */
  act: string;
  /** name before `word_embeddings` and its like */
  embeddings: string;
  layer(i: number): EncoderLayer;
  sequence: SequenceHead;
  masked: MaskedHead;
  /** shares that training drops: of the embeddings and of what a layer adds, of the attention probabilities, of what the head reads last */
  dropout: { hidden: number; attention: number; head: number };
  /** true: positions count the real tokens from the row behind `padId` (RoBERTa); else 0, 1, ... */
  countsTokens?: boolean;
}

const probabilitiesOf = ({ site }: EncoderLayer): string => `${site}.probabilities`;

/**
 * A bidirectional post-norm encoder, the one body of BERT, RoBERTa and DistilBERT:
 * x <- LN(x + Attention(x)); x <- LN(x + W2 act(W1 x)), with the head that `config.json` asks for.
 */
export function encoder(config: Config, d: EncoderDescription): Model {
  divides(config, d.heads, d.hidden);
  const { hidden, ffn, vocabSize, embeddings, epsilon } = d, act = activation(d.act), wordEmbedding = `${embeddings}.word_embeddings.weight`;
  const kind = encoderHead(config, d.className), all = Array.from({ length: d.layers }, (_, i) => d.layer(i));
  const shapes: Record<string, number[]> = {
    [wordEmbedding]: [vocabSize, hidden],
    [`${embeddings}.position_embeddings.weight`]: [d.positionRows, hidden],
    ...(d.types ? { [`${embeddings}.token_type_embeddings.weight`]: [d.types, hidden] } : {}),
  };
  const head = kind.kind === 'none' ? undefined
    : kind.kind === 'maskedLanguageModel' ? maskedHead(config, d.masked, wordEmbedding, shapes[wordEmbedding], epsilon)
      : sequenceHead(d.sequence, hidden, kind.kind === 'classification' ? kind.labels.length : 1);
  const linears: LinearLayer[] = [];
  const addNorm = (name: string) => Object.assign(shapes, { [`${name}.weight`]: [hidden], [`${name}.bias`]: [hidden] });
  const add = (name: string, site: string, outs: number, ins: number, more: Partial<LinearLayer> = {}) => {
    Object.assign(shapes, { [`${name}.weight`]: [outs, ins], [`${name}.bias`]: [outs] });
    linears.push({ weight: `${name}.weight`, site, ...more });
  };
  addNorm(`${embeddings}.LayerNorm`);
  for (const l of all) {
    for (const part of [l.query, l.key, l.value]) add(part, l.site, hidden, hidden);
    add(l.context, l.context, hidden, hidden);
    addNorm(l.contextNorm);
    add(l.wide, l.wide, ffn, hidden);
    add(l.narrow, l.narrow, hidden, ffn, { oneSided: isOneSided(act) });
    addNorm(l.outputNorm);
  }
  Object.assign(shapes, head?.shapes);

  const layer = (params: Params, l: EncoderLayer, x: Tensor, bias: Tensor | undefined, hooks?: Hooks): Tensor => {
    const input = at(hooks, l.site, x), [q, k, v] = [l.query, l.key, l.value].map((part) => linear(params, part, input, hooks));
    const context = at(hooks, l.context, attention(q, k, v, d.heads, bias, (p) => at(hooks, probabilitiesOf(l), dropped(hooks, p, d.dropout.attention))));
    const attended = layerNorm(params, l.contextNorm, tf.add(dropped(hooks, linear(params, l.context, context, hooks), d.dropout.hidden), x), epsilon);
    const wide = act(linear(params, l.wide, at(hooks, l.wide, attended), hooks));
    return layerNorm(params, l.outputNorm, tf.add(dropped(hooks, linear(params, l.narrow, at(hooks, l.narrow, wide), hooks), d.dropout.hidden), attended), epsilon);
  };

  const model: Model = {
    family: d.family, head: kind, config, vocabSize, hiddenSize: hidden, embeddingSize: hidden, maxLength: d.maxLength, padId: d.padId,
    shapes, paramNames: Object.keys(shapes), headNames: new Set(Object.keys(head?.shapes ?? {})), linears, probabilities: all.map(probabilitiesOf), wordEmbedding,

    forward(params, inputs, hooks) {
      const [batch, seq] = inputShape(model, inputs);
      let sum = wordEmbeddings((ids) => embedding(params, `${embeddings}.word_embeddings`, ids), inputs); // [batch, seq, hidden]
      if (d.types) {
        // a table of one row has nothing to tell apart, whatever the tokenizer says
        const typeIds = (d.types > 1 ? inputs.typeIds : undefined) ?? tf.zeros([batch, seq], 'int32');
        sum = tf.add(sum, embedding(params, `${embeddings}.token_type_embeddings`, typeIds));
      }
      sum = tf.add(sum, embedding(params, `${embeddings}.position_embeddings`, d.countsTokens ? countedPositions(d.padId, inputs, seq) : range(seq)));
      let x = dropped(hooks, layerNorm(params, `${embeddings}.LayerNorm`, sum, epsilon), d.dropout.hidden);
      const hiddenStates = [x], bias = inputs.mask && paddingBias(inputs.mask);
      for (const l of all) hiddenStates.push((x = runLayer(hooks, l.prefix, params, x, bias, (p, h, b) => layer(p, l, h, b, hooks))));
      return { logits: head ? head.logits(params, x, (h) => dropped(hooks, h, d.dropout.head)) : x, hidden: hiddenStates };
    },
  };
  return model;
}

/** As in transformers the ids say what is padding; embeddings cannot, so the mask does. */
function countedPositions(padId: number, { ids, mask }: Inputs, seq: number): Tensor {
  const real = ids ? tf.cast(tf.notEqual(ids, tf.scalar(padId, 'int32')), 'float32') : mask && tf.cast(mask, 'float32');
  if (!real) return tf.add(range(seq), tf.scalar(padId + 1, 'int32'));
  return tf.cast(tf.add(tf.mul(tf.cumsum(real, 1), real), padId), 'int32');
}
