import { tf } from '../core/backend';
import { ZsaqError } from '../core/error';
import type { Stream } from '../core/random';
import type { Tokenizer } from '../text/tokenizer';
import type { Tensor2D } from '@tensorflow/tfjs-node-gpu';

/** Ids that a tokenizer reserves. */
export interface SpecialIds { cls?: number; sep?: number; pad?: number; unk?: number; mask?: number; bos?: number; eos?: number }

/** The form of a synthetic example: plain tokens (decoder), `[CLS] a [SEP]`, or `[CLS] a [SEP] b [SEP]`. */
export type Form = 'tokens' | 'single' | 'pair';

/** How the teacher's tokenizer joins two texts: how many separators stand between them (RoBERTa: two), and the segment of the second (RoBERTa: 0). */
export interface Joint { separators: number; segment: number }
const BERT: Joint = { separators: 1, segment: 1 };

/** As the tokenizer does it. */
export function jointOf(tokenizer: Pick<Tokenizer, 'special' | 'encodePair'>): Joint {
  const { ids, typeIds } = tokenizer.encodePair('a', 'b', 16);
  return { separators: ids.filter((id) => id === tokenizer.special.sep).length - 1, segment: typeIds[typeIds.length - 1] };
}

export interface LayoutConfig {
  batch: number;
  seq: number;
  form: Form;
  /** shortest length as a share of `seq`; lengths are uniform from there to `seq` (encoders only) */
  shortest: number;
  /** pairs: share of the tokens of b that are copied from a in order (independent halves fall into one class of the teacher) */
  correlation: number;
}

/**
 * Where the tokens of a generated batch go. `source[i]` of a position is the generated token that stands there
 * (row-major index into `[batch, seq]`), or -1 - k for the k-th special token.
 */
export interface Layout { batch: number; seq: number; source: Int32Array; specials: number[]; mask: Int32Array; typeIds?: Int32Array }

/**
 * Draws lengths, segment borders and, for pairs, which tokens of b repeat tokens of a. A share `correlation` times a
 * uniform number is copied, so that pairs from unrelated to nearly equal all occur.
 */
export function drawLayout(config: LayoutConfig, special: SpecialIds, random: Stream, joint: Joint = BERT): Layout {
  const { batch, seq, form } = config, n = batch * seq;
  const source = new Int32Array(n).fill(-1), mask = new Int32Array(n);
  if (form === 'tokens') {
    return { batch, seq, source: source.map((_, i) => i), specials: [], mask: mask.fill(1) };
  }
  const { cls, sep, pad } = special, between = form === 'pair' ? joint.separators : 1, extra = form === 'pair' ? 2 + between : 2;
  if (cls === undefined || sep === undefined || pad === undefined) throw new ZsaqError('mismatch', 'the tokenizer has no [CLS], [SEP] and [PAD]: an encoder\'s inputs cannot be laid out');
  if (seq < extra + 2) throw new ZsaqError('range', `a sequence of ${seq} tokens has no room for ${extra} special tokens: take at least ${extra + 2}`);
  const typeIds = new Int32Array(n), PAD = -1, CLS = -2, SEP = -3; // specials below, in this order
  for (let row = 0; row < batch; row++) {
    const at = row * seq, least = Math.max(extra + 2, Math.ceil(seq * config.shortest));
    const length = least + random.int(seq - least + 1), words = length - extra;
    const first = form === 'single' ? words : 1 + random.int(words - 1);
    mask.fill(1, at, at + length);
    let p = at;
    source[p++] = CLS;
    for (let i = 0; i < first; i++, p++) source[p] = p;
    for (let k = 0; k < between; k++) source[p++] = SEP;
    if (form === 'pair') {
      const copied = config.correlation * random.next();
      typeIds.fill(joint.segment, p, at + length);
      for (let i = 0; i < words - first; i++, p++) {
        const twin = at + 1 + Math.floor((i * first) / (words - first));
        source[p] = random.next() < copied ? twin : p;
      }
      source[p++] = SEP;
    }
  }
  return { batch, seq, source, specials: [pad, cls, sep], mask, typeIds };
}

/** Token ids of a laid-out batch: `tokens` are the generated ids, row-major. */
export function placeIds(layout: Layout, tokens: ArrayLike<number>): Int32Array {
  return layout.source.map((s) => (s >= 0 ? tokens[s] : layout.specials[-1 - s]));
}

/** 1 where a generated token stands, 0 at special tokens and padding. */
export function wordMask({ batch, seq, source }: Layout): Tensor2D {
  return tf.tensor2d(Float32Array.from(source, (s) => (s >= 0 ? 1 : 0)), [batch, seq]);
}

/** Mask and segments as tensors. */
export function layoutTensors({ batch, seq, mask, typeIds }: Layout): { mask: Tensor2D; typeIds?: Tensor2D } {
  return {
    mask: tf.tensor2d(Float32Array.from(mask), [batch, seq]),
    typeIds: typeIds && tf.tensor2d(typeIds, [batch, seq], 'int32'),
  };
}
