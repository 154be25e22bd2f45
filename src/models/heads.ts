import { tf } from '../core/backend';
import * as kernels from '../core/kernels';
import { ZsaqError } from '../core/error';
import { get, type Params } from '../core/tree';
import { activation } from '../nn/activations';
import { layerNorm, linear } from '../nn/layers';
import { architecture, integer, labels, only, type Config } from './config';
import type { Head } from './model';
import type { Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-node-gpu';

/** What stands on an encoder: its parameters, and its logits from the last hidden states `[batch, seq, hidden]`. */
export interface HeadPart { shapes: Record<string, number[]>; /** `drop`: dropout of what the last layer reads */ logits(params: Params, x: Tensor, drop: (x: Tensor) => Tensor): Tensor }

/** Names of the two linear layers of a head on the first token, and what lies between them. */
export interface SequenceHead { dense: string; out: string; act: string }

/** Names of a masked-language-model head. */
export interface MaskedHead { dense: string; norm: string; bias: string; act: string }

/** The head of an encoder from the class that saved the folder: `BertForSequenceClassification`, `BertForMaskedLM`, `BertModel`. */
export function encoderHead(config: Config, family: string): Head {
  const name = architecture(config, [`${family}ForSequenceClassification`, `${family}ForMaskedLM`, `${family}Model`]);
  if (name === undefined || name === `${family}Model`) return { kind: 'none' };
  if (name === `${family}ForMaskedLM`) return { kind: 'maskedLanguageModel' };
  const named = config.id2label !== undefined || config.num_labels !== undefined, count = config.id2label ? Object.keys(config.id2label as object).length : integer(config, 'num_labels', 2);
  if (config.problem_type === 'multi_label_classification' || (config.problem_type === 'regression' && named && count > 1)) {
    throw new ZsaqError('unsupported', `${String(config.problem_type)} with ${count} outputs: heads of one answer are supported, a choice of one label or one number`);
  }
  return config.problem_type === 'regression' || count === 1 ? { kind: 'regression' } : { kind: 'classification', labels: labels(config) };
}

/** logits = C act(P x[0]): `[batch, outputs]`. */
export function sequenceHead({ dense, out, act: name }: SequenceHead, hidden: number, outputs: number): HeadPart {
  const act = activation(name);
  return {
    shapes: { [`${dense}.weight`]: [hidden, hidden], [`${dense}.bias`]: [hidden], [`${out}.weight`]: [outputs, hidden], [`${out}.bias`]: [outputs] },
    logits(params, x, drop) {
      const [batch] = x.shape, first = tf.reshape(tf.slice(x, [0, 0, 0], [batch, 1, hidden]), [batch, hidden]);
      return linear(params, out, drop(act(linear(params, dense, first))));
    },
  };
}

/** logits = E LN(act(W x)) + b: `[batch, seq, vocabulary]`, E `[vocabulary, hidden]` the word embeddings of that name. */
export function maskedHead(config: Config, { dense, norm, bias, act: name }: MaskedHead, wordEmbedding: string, [vocabSize, hidden]: readonly number[], epsilon: number): HeadPart {
  only(config, 'tie_word_embeddings', true);
  const act = activation(name);
  return {
    shapes: { [`${dense}.weight`]: [hidden, hidden], [`${dense}.bias`]: [hidden], [`${norm}.weight`]: [hidden], [`${norm}.bias`]: [hidden], [bias]: [vocabSize] },
    logits(params, x) {
      const transformed = layerNorm(params, norm, act(linear(params, dense, x)), epsilon);
      return kernels.linear(transformed, get(params, wordEmbedding) as Tensor2D, get(params, bias) as Tensor1D);
    },
  };
}
