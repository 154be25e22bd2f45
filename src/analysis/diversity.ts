// How varied generated batches are, in plain arrays. A batch is a list of examples, an example a list of tokens; embeddings are one vector an example.
import { gzipSync } from 'node:zlib';
import { ZsaqError } from '../core/error';

/** An example: its tokens, as ids or as words. */
export type Tokens = ArrayLike<number | string>;
/** Embeddings: one vector an example, all of one length. */
export type Vectors = readonly ArrayLike<number>[];

/** Every n-gram of an example as a text. */
function grams(tokens: Tokens, n: number): string[] {
  const words = Array.from(tokens);
  return Array.from({ length: Math.max(0, words.length - n + 1) }, (_, i) => words.slice(i, i + n).join(' '));
}

/**
 * Different n-grams over all n-grams of a batch, in (0, 1] (Li et al. 2016, arXiv 1510.03055).
 *
 * @throws ZsaqError 'range' where no example has n tokens
 */
export function distinctN(batch: readonly Tokens[], n: number): number {
  const all = batch.flatMap((tokens) => grams(tokens, n));
  if (!all.length) throw new ZsaqError('range', `distinct-${n} of examples that are shorter than ${n} tokens: give longer ones`);
  return new Set(all).size / all.length;
}

const counted = (all: readonly string[]): Map<string, number> => all.reduce((counts, gram) => counts.set(gram, (counts.get(gram) ?? 0) + 1), new Map<string, number>());

/** What BLEU counts in place of no match at all (smoothing method 1 of Chen and Cherry 2014). */
const EPSILON = 0.1;

/**
 * BLEU of a hypothesis against references (Papineni et al. 2002), n-grams to `order` with equal weights, smoothed as NLTK's method1:
 * min(1, e^(1 - r/c)) exp(mean of log p_n), r the reference length next to c.
 */
export function bleu(hypothesis: Tokens, references: readonly Tokens[], order = 4): number {
  let logs = 0;
  for (let n = 1; n <= order; n++) {
    const own = counted(grams(hypothesis, n)), most = new Map<string, number>();
    for (const reference of references) for (const [gram, count] of counted(grams(reference, n))) most.set(gram, Math.max(most.get(gram) ?? 0, count));
    let matched = 0, all = 0;
    for (const [gram, count] of own) {
      matched += Math.min(count, most.get(gram) ?? 0);
      all += count;
    }
    if (n === 1 && matched === 0) return 0;
    logs += Math.log((matched || EPSILON) / Math.max(1, all)) / order;
  }
  const c = hypothesis.length, r = references.map((x) => x.length).sort((a, b) => Math.abs(a - c) - Math.abs(b - c) || a - b)[0];
  return (c > r ? 1 : Math.exp(1 - r / c)) * Math.exp(logs);
}

/**
 * Mean BLEU of each example against all others: 1 where all are the same (Zhu et al. 2018, arXiv 1802.01886).
 *
 * @throws ZsaqError 'range' for fewer than two examples
 */
export function selfBleu(batch: readonly Tokens[], order = 4): number {
  if (batch.length < 2) throw new ZsaqError('range', 'self-BLEU compares examples of a batch: give at least two');
  return batch.reduce((sum, tokens, i) => sum + bleu(tokens, batch.filter((_, k) => k !== i), order), 0) / batch.length;
}

/** Bytes of a text over its bytes after gzip: larger where it repeats itself (Shaib et al. 2024, arXiv 2403.00553). Tokens are written as words. */
export function compressionRatio(batch: readonly Tokens[]): number {
  const text = Buffer.from(batch.map((tokens) => Array.from(tokens).join(' ')).join('\n'));
  return text.length / gzipSync(text, { level: 9 }).length;
}

const cosine = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let ab = 0, aa = 0, bb = 0;
  for (let i = 0; i < a.length; i++) {
    ab += a[i] * b[i];
    aa += a[i] * a[i];
    bb += b[i] * b[i];
  }
  return ab / Math.sqrt(Math.max(aa * bb, 1e-300));
};

/**
 * Vendi score: the effective number of different examples, exp of the entropy of the eigenvalues of K / n with K the cosines between
 * them; from 1 to n (Friedman and Dieng 2023, arXiv 2210.02410).
 */
export function vendiScore(vectors: Vectors): number {
  const n = vectors.length, k = vectors.map((a) => vectors.map((b) => cosine(a, b) / n));
  return Math.exp(-symmetricEigenvalues(k).reduce((sum, x) => sum + (x > 1e-12 ? x * Math.log(x) : 0), 0));
}

/** Eigenvalues of a symmetric matrix by cyclic Jacobi rotations. */
function symmetricEigenvalues(matrix: readonly (readonly number[])[]): number[] {
  const a = matrix.map((row) => [...row]), n = a.length;
  for (let sweep = 0; sweep < 60; sweep++) {
    const off = a.reduce((sum, row, i) => sum + row.reduce((s, x, k) => s + (k === i ? 0 : x * x), 0), 0);
    if (off < 1e-24) break;
    for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) {
      if (a[p][q] === 0) continue;
      const theta = (a[q][q] - a[p][p]) / (2 * a[p][q]), t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.hypot(theta, 1)), c = 1 / Math.hypot(t, 1), s = t * c;
      for (let k = 0; k < n; k++) [a[k][p], a[k][q]] = [c * a[k][p] - s * a[k][q], s * a[k][p] + c * a[k][q]];
      for (let k = 0; k < n; k++) [a[p][k], a[q][k]] = [c * a[p][k] - s * a[q][k], s * a[p][k] + c * a[q][k]];
    }
  }
  return a.map((row, i) => row[i]);
}

/** Mean of 1 - cosine over all pairs of examples: 0 where all point the same way. */
export function embeddingSpread(vectors: Vectors): number {
  let sum = 0, pairs = 0;
  for (let i = 0; i < vectors.length; i++) for (let k = 0; k < i; k++, pairs++) sum += 1 - cosine(vectors[i], vectors[k]);
  return sum / Math.max(1, pairs);
}

/** Jensen-Shannon divergence between the token frequencies of two batches in bits, 0 to 1: how far generated text is from real text. */
export function tokenDivergence(a: readonly Tokens[], b: readonly Tokens[]): number {
  const [p, q] = [a, b].map((batch) => counted(batch.flatMap((tokens) => grams(tokens, 1)))), total = (m: Map<string, number>) => [...m.values()].reduce((s, x) => s + x, 0);
  const sizes = [total(p), total(q)], term = (x: number, m: number) => (x > 0 ? x * Math.log2(x / m) : 0);
  return [...new Set([...p.keys(), ...q.keys()])].reduce((sum, token) => {
    const x = (p.get(token) ?? 0) / sizes[0], y = (q.get(token) ?? 0) / sizes[1], m = (x + y) / 2;
    return sum + (term(x, m) + term(y, m)) / 2;
  }, 0);
}

/** Energy distance 2 E|X - Y| - E|X - X'| - E|Y - Y'| between embeddings, 0 for equal samples (Szekely and Rizzo 2013). */
export function energyDistance(a: Vectors, b: Vectors): number {
  const distance = (x: ArrayLike<number>, y: ArrayLike<number>) => {
    let sum = 0;
    for (let i = 0; i < x.length; i++) sum += (x[i] - y[i]) ** 2;
    return Math.sqrt(sum);
  };
  const mean = (x: Vectors, y: Vectors) => x.reduce((sum, u) => sum + y.reduce((s, v) => s + distance(u, v), 0), 0) / (x.length * y.length);
  return 2 * mean(a, b) - mean(a, a) - mean(b, b);
}

/** The mean embedding of each example. @param table rows of `width` numbers, one a token id */
export function meanEmbeddings(batch: readonly ArrayLike<number>[], table: ArrayLike<number>, width: number): Float64Array[] {
  return batch.map((example) => {
    const sum = new Float64Array(width);
    for (let i = 0; i < example.length; i++) for (let k = 0; k < width; k++) sum[k] += table[example[i] * width + k] / example.length;
    return sum;
  });
}

/** The measures of one batch; `vendi` and `spread` are of its embeddings. */
export interface BatchDiversity { distinct1: number; distinct2: number; selfBleu: number; compression: number; vendi: number; spread: number }

/** All measures of a batch at once; self-BLEU to order 2. @param embeddings one vector an example, `meanEmbeddings` say */
export function measureDiversity(batch: readonly Tokens[], embeddings: Vectors): BatchDiversity {
  return { distinct1: distinctN(batch, 1), distinct2: distinctN(batch, 2), selfBleu: selfBleu(batch, 2), compression: compressionRatio(batch), vendi: vendiScore(embeddings), spread: embeddingSpread(embeddings) };
}
