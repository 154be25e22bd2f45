import { tf } from '../core/backend';
import { ZsaqError } from '../core/error';
import type { Params } from '../core/tree';
import type { KeysValues } from '../nn/attention';
import type { Hooks } from '../nn/hooks';
import type { Tensor, Tensor2D, Tensor3D } from '@tensorflow/tfjs-node-gpu';

/** Keys and values of every layer for the tokens that a causal model has read; `[]` before the first one. */
export type Past = readonly KeysValues[];

/** What a model reads: token ids or, for gradients that reach the generator, word embeddings. */
export interface Inputs {
  /** int32 `[batch, seq]` */
  ids?: Tensor2D;
  /** word embeddings `[batch, seq, embedding]` in place of the rows of the word embedding table */
  embeds?: Tensor3D;
  /** 1 at real tokens, 0 at padding, `[batch, seq]`, those of the past before them; absent: no padding */
  mask?: Tensor2D;
  /** segments 0 and 1, int32 `[batch, seq]` */
  typeIds?: Tensor2D;
  /** causal models: what was read before these tokens; if given, even empty, the output has the past that goes on from here */
  past?: Past;
  /** language models: logits of the last position only, `[batch, 1, vocabulary]` */
  lastOnly?: boolean;
}

/** The tensors of inputs that are there, by name; the past is none. */
export function inputTensors(inputs: Inputs): Params { return Object.fromEntries(Object.entries(inputs).filter(([, x]) => x)) as Params; }

/** What a forward pass gives. The caller owns the tensors. */
export interface Output {
  /** `[batch, labels]`, or `[batch, seq, vocabulary]` of a language model; of a bare encoder the last hidden states */
  logits: Tensor;
  /** as in transformers: after the embeddings, after each layer `[batch, seq, hidden]`; the last one as the head sees it */
  hidden: Tensor[];
  /** the past for the next call, where the inputs had one */
  past?: Past;
}

/** What a model answers with; `none` is a bare encoder. */
export type Head =
  | { kind: 'classification'; labels: string[] }
  | { kind: 'regression' }
  | { kind: 'languageModel' }
  | { kind: 'maskedLanguageModel' }
  | { kind: 'none' };

/** A linear layer of the encoder or decoder: the name of its weight and the site of its input (shared by q, k and v). */
export interface LinearLayer {
  weight: string;
  site: string;
  /** its input comes out of ReLU or GELU */
  oneSided?: boolean;
}

/** A model is a pure function of a record of parameters; it holds no tensors. */
export interface Model {
  readonly family: string;
  readonly head: Head;
  readonly config: Readonly<Record<string, unknown>>;
  readonly vocabSize: number;
  readonly hiddenSize: number;
  /** width of a word embedding (smaller than `hiddenSize` in OPT-350m) */
  readonly embeddingSize: number;
  readonly maxLength: number;
  readonly padId: number;
  /** every parameter and its shape */
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  readonly paramNames: readonly string[];
  /** parameters of the head; one that is tied to the word embeddings has none of its own */
  readonly headNames: ReadonlySet<string>;
  /** linear layers in the order of the forward pass, heads excluded */
  readonly linears: readonly LinearLayer[];
  /** sites of the attention probabilities, one a layer */
  readonly probabilities: readonly string[];
  readonly wordEmbedding: string;
  /** weights that model files hold as `[in, out]` (GPT-2); in `shapes` and in memory they are `[out, in]` as all others */
  readonly storedTransposed?: ReadonlySet<string>;
  forward(params: Params, inputs: Inputs, hooks?: Hooks): Output;
}

/** @throws ZsaqError 'mismatch' for a tokenizer with tokens that the model has no embedding of */
export function checkVocabulary(tokenizer: { readonly vocabSize: number }, model: { readonly vocabSize: number }): void {
  if (tokenizer.vocabSize > model.vocabSize) throw new ZsaqError('mismatch', `the tokenizer has ${tokenizer.vocabSize} tokens, the model ${model.vocabSize}: they do not belong together`);
}

/** batch and seq of the inputs; refuses what the model cannot read. */
export function inputShape(model: { maxLength: number }, { ids, embeds, past }: Inputs): [number, number] {
  const x = ids ?? embeds;
  if (!x || (ids && embeds)) throw new ZsaqError('usage', 'a model reads either ids or embeds: give exactly one of them');
  const [batch, seq] = x.shape, length = pastLength(past) + seq;
  if (length > model.maxLength) throw new ZsaqError('range', `a sequence of ${length} tokens is longer than the model's ${model.maxLength} positions: shorten the batch`);
  return [batch, seq];
}

/** Tokens in a past. */
export function pastLength(past: Past | undefined): number { return past?.length ? past[0].keys.shape[2]! : 0; }

/** Hidden states of word tokens: the given embeddings, or rows of the table. */
export function wordEmbeddings(lookUp: (ids: Tensor) => Tensor, { ids, embeds }: Inputs): Tensor {
  return embeds ?? lookUp(ids!);
}

/** 0, 1, ... seq-1 as int32. */
export function range(seq: number): Tensor { return tf.range(0, seq, 1, 'int32'); }
