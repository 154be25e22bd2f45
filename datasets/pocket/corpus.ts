import { Stream } from '../../src/index';
import { topics } from './lexicon/index';
import { Discourse } from './discourse';
import type { Step } from './quantity';
import { reportPlan } from './reports';
import { render, sentenceHash, type Sentence } from './sentence';
import { talePlan } from './tales';

export type Family = 'tales' | 'reports';
export type Split = 'train' | 'dev' | 'test';

/** The one seed of everything that ships: data sets, splits and models. */
export const SEED = 1;

/** A text as its sentences, each a list of tokens. */
export type Document = readonly Sentence[];

/** The split that a sentence belongs to, by its hash alone: of 20 parts, 16 train, 2 dev, 2 test. */
export function splitOf(tokens: readonly string[]): Split {
  const part = (sentenceHash(tokens) >>> 4) % 20;
  return part < 16 ? 'train' : part < 18 ? 'dev' : 'test';
}

/** The family that may use a sentence, by its hash alone, so that no sentence can stand in both. */
export const familyOf = (tokens: readonly string[]): Family => (sentenceHash(tokens) & 1 ? 'tales' : 'reports');

/**
 * Writes documents without end. Each sentence is drawn again until its hash says that it belongs to this family and split, so the
 * sets of sentences are disjoint whatever the seeds are.
 */
export function* documents(family: Family, split: Split, seed = SEED): Generator<Document> {
  const stream = new Stream(`pocket/${family}/${split}`, seed);
  const own = topics.filter((t) => t.family === family);
  for (;;) {
    const d = new Discourse(stream, stream.next() < (family === 'tales' ? 0.75 : 0.85) ? 'past' : 'present', stream.pick(own));
    const written = write(d, family === 'tales' ? talePlan(d) : reportPlan(d), family, split);
    if (written) yield written;
  }
}

/** Draws that a sentence gets before its document is given up. */
const ATTEMPTS = 120;

/** The sentences of a plan, or nothing where one of them has too few forms to fall into this split. */
function write(d: Discourse, plan: readonly Step[], family: Family, split: Split): Document | undefined {
  const written: Sentence[] = [];
  for (const step of plan) {
    const s = accepted(step, family, split);
    if (!s) return undefined;
    d.accept(s.subject, s.named);
    written.push(s);
  }
  return written;
}

function accepted(step: Step, family: Family, split: Split): Sentence | undefined {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const s = step();
    if (s.tokens.length <= 40 && familyOf(s.tokens) === family && splitOf(s.tokens) === split) return s;
  }
  return undefined;
}

/** A document as one line of text. */
export const renderDocument = (written: Document): string => written.map((s) => render(s.tokens)).join(' ');
