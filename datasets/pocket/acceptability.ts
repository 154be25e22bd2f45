import { Stream, type Example } from '../../src/index';
import { clause, stateClause } from './clause';
import { familyOf, splitOf, SEED, type Split } from './corpus';
import { Discourse } from './discourse';
import { topics } from './lexicon/index';
import { render, Sentence, takesAn, type Site, type SiteKind } from './sentence';

/** A sentence, and the same with one word exchanged that breaks one rule of grammar. */
export interface MinimalPair {
  readonly acceptable: string;
  readonly unacceptable: string;
  readonly kind: SiteKind;
}

const ownTopics = topics.filter((t) => t.family === 'tales');

/**
 * Minimal pairs of one split without end: agreement across modifiers and relative clauses, determiners, reflexives, polarity items,
 * verb forms. The sentences are such as tales may use, of the same split, so no model trained on another split has seen them.
 */
export function* minimalPairs(split: Split, seed = SEED): Generator<MinimalPair> {
  const stream = new Stream(`pocket/acceptability/${split}`, seed), seen = new Set<string>();
  for (;;) {
    const d = new Discourse(stream, stream.next() < 0.5 ? 'present' : 'past', stream.pick(ownTopics));
    const s = new Sentence();
    if (d.chance(0.4)) stateClause(s, d, { depth: 2 });
    else clause(s, d, { depth: 2 });
    const { tokens, sites } = s.end();
    if (tokens.length < 6 || tokens.length > 26 || !sites.length) continue;
    if (familyOf(tokens) !== 'tales' || splitOf(tokens) !== split) continue;
    const acceptable = render(tokens);
    if (seen.has(acceptable)) continue;
    seen.add(acceptable);
    const rare = sites.find((x) => x.kind === 'reflexive' || x.kind === 'polarity');
    const kind = rare && d.chance(0.8) ? rare.kind : stream.pick(sites).kind;
    yield { acceptable, unacceptable: render(exchange(tokens, stream.pick(sites.filter((x) => x.kind === kind)))), kind };
  }
}

function exchange(tokens: readonly string[], { index, wrong }: Site): string[] {
  const changed = tokens.slice();
  changed[index] = wrong === 'a' && takesAn(tokens[index + 1]) ? 'an' : wrong;
  return changed;
}

/** Labelled sentences of one split, one of each pair: 1 acceptable, 0 not, as many of either. */
export function acceptabilityExamples(split: Split, count: number): Example[] {
  const order = new Stream(`pocket/acceptability/${split}/labels`, SEED), examples: Example[] = [];
  let first = 0;
  for (const pair of minimalPairs(split)) {
    if (examples.length === count) break;
    const label: number = examples.length % 2 ? 1 - first : (first = order.int(2));
    examples.push({ text: label ? pair.acceptable : pair.unacceptable, label });
  }
  return examples;
}
