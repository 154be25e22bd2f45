import { tf } from '../core/backend';
import { ZsaqError } from '../core/error';
import { generate } from '../models/generate';
import { tokenInputs } from './adaptation';
import { drawLayout, type LayoutConfig } from './layout';
import { passes } from './real';
import type { Params } from '../core/tree';
import type { Stream, Streams } from '../core/random';
import type { Job, Network } from './method';
import type { Batch, Source } from './source';
import type { Tensor } from '@tensorflow/tfjs-node-gpu';

/** How a language model writes a text of its own. */
export interface Writing {
  /** tokens after the first one that are the most probable ones; the rest is sampled */
  greedy: number;
  temperature: number;
}

export const writingDefaults: Writing = { greedy: 4, temperature: 1 };

/** Who writes it, and how. */
export interface Writer extends Writing {
  /** teacher: the teacher itself, of an encoder the generator; generator: the generator for any teacher, so that the text is what SAM-SGA's generator would read */
  by: 'teacher' | 'generator';
}

export const writerDefaults: Writer = { ...writingDefaults, by: 'teacher' };

const BANK = 'bank';
/** Sequences that are written at a time: a batch of the model that writes. */
const TOGETHER = 64;

/**
 * Text that a language model writes itself (LLM-QAT, Liu et al. 2023, arXiv 2305.17888): the first tokens sweep over the
 * vocabulary, a few greedy tokens follow, then samples of the whole distribution. A bank of sequences `[sequences, seq]` is made
 * once, as the first ones are asked for, and then read in passes.
 */
export class WrittenText {
  private bank: Int32Array;
  private drawn = 0;
  private made = 0;
  private readonly firsts: readonly number[];
  private readonly rowOf: (k: number) => number;

  /** @param vocabulary tokens that it may use  @param streams `sweep` orders the first tokens, `text` draws the samples */
  constructor(private readonly writer: Network, private readonly vocabulary: Int32Array, private readonly size: { seq: number; sequences: number; writing: Writing }, private readonly streams: { sweep: Stream; text: Stream }, seed: number) {
    this.bank = new Int32Array(size.sequences * size.seq);
    this.firsts = streams.sweep.shuffle([...vocabulary]);
    this.rowOf = passes('bank', seed, size.sequences);
  }

  /** The next `rows` sequences, one behind the other. */
  next(rows: number): Int32Array {
    const { seq, sequences } = this.size, tokens = new Int32Array(rows * seq);
    while (this.made < Math.min(this.drawn + rows, sequences)) this.write(Math.min(this.made + TOGETHER, sequences));
    for (let row = 0; row < rows; row++, this.drawn++) {
      const at = (this.drawn < sequences ? this.drawn : this.rowOf(this.drawn)) * seq;
      tokens.set(this.bank.subarray(at, at + seq), row * seq);
    }
    return tokens;
  }

  /** The first sequence is the next one again. */
  rewind(): void { this.drawn = 0; }

  save(): { held: Record<string, Tensor>; state: Record<string, unknown> } {
    return { held: { [BANK]: tf.tensor1d(Float32Array.from(this.bank)) }, state: { drawn: this.drawn, made: this.made } };
  }

  restore(tensors: Params, state: Record<string, unknown>): void {
    this.bank = Int32Array.from(tensors[BANK].dataSync());
    [this.drawn, this.made] = [state.drawn as number, state.made as number];
    tensors[BANK].dispose();
  }

  /** Makes the bank's sequences up to this number. */
  private write(upTo: number): void {
    const { writer, firsts: sweep, streams, vocabulary: candidates, size: { seq, writing: { greedy, temperature } } } = this;
    const firsts = Array.from({ length: upTo - this.made }, (_, i) => [sweep[(this.made + i) % sweep.length]]);
    const begun = Math.min(greedy, seq - 1), beginnings = generate(writer, firsts, { maxTokens: begun, temperature: 0, candidates }).map((row, i) => [...firsts[i], ...row]);
    const rest = generate(writer, beginnings, { maxTokens: seq - 1 - begun, temperature, candidates, random: streams.text });
    beginnings.forEach((row, i) => this.bank.set([...row, ...rest[i]], (this.made + i) * seq));
    this.made = upTo;
  }
}

/**
 * Written text as the student's inputs. The writer is the teacher where it is a language model and `by` asks for it, else the generator.
 * In an encoder's inputs the text stands behind [CLS], of pairs on both sides of [SEP].
 */
export class WrittenSource implements Source {
  private readonly text: WrittenText;

  constructor(private readonly job: Job, private readonly layout: LayoutConfig, sequences: number, writing: Writer, private readonly streams: Streams) {
    this.text = new WrittenText(writerOf(job, layout.seq, writing.by), job.vocabulary, { seq: layout.seq, sequences, writing }, { sweep: streams.get('sweep'), text: streams.get('text') }, job.seed);
  }

  next(): Batch {
    const { batch, seq, form } = this.layout, behind = form === 'tokens' ? 0 : 1, rows = this.text.next(batch), tokens = new Int32Array(batch * seq);
    for (let row = 0; row < batch; row++) tokens.set(rows.subarray(row * seq, (row + 1) * seq - behind), row * seq + behind);
    return { inputs: tokenInputs(drawLayout(this.layout, this.job.special, this.streams.get('layout'), this.job.joint), tokens), tokens };
  }

  save(): ReturnType<WrittenText['save']> { return this.text.save(); }

  restore(tensors: Params, state: Record<string, unknown>): void { this.text.restore(tensors, state); }

  dispose(): void { /* no tensors of its own */ }
}

function writerOf({ teacher, generator }: Job, seq: number, by: Writer['by']): Network {
  const writer = by === 'teacher' && teacher.model.head.kind === 'languageModel' ? teacher : generator;
  if (!writer) throw new ZsaqError('missing', 'the inputs are text that a language model writes, and there is none: an encoder writes no text, nor does a teacher that writing.by=generator sets aside. Give a generator (--generator DIR), or for gptq and zeroQuant --set inputs=random');
  const { model } = writer;
  if (model.head.kind !== 'languageModel') throw new ZsaqError('mismatch', 'the generator must be a causal language model (OPT, GPT-2)');
  if (model.vocabSize !== teacher.model.vocabSize) throw new ZsaqError('mismatch', `the generator has ${model.vocabSize} tokens, the teacher ${teacher.model.vocabSize}: choose a generator with the teacher's vocabulary`);
  if (model.maxLength < seq) throw new ZsaqError('range', `the generator has ${model.maxLength} positions: --set seq=${model.maxLength} or less`);
  return writer;
}
