import { adjectivesByGroup, numberLists, verbOf, zipf, type Noun } from './lexicon/index';
import type { Discourse, Referent } from './discourse';
import { copula } from './verbGroup';
import { Sentence } from './sentence';

/** Writes one sentence of a text. It may be called again until the sentence falls into the wanted split, so it changes nothing else. */
export type Step = () => Sentence;

/** The word of a number up to ten. */
export const numberWord = (n: number): string => (n === 1 ? 'one' : numberLists.small[n - 2]);

const outcomes = ['find', 'lose', 'sell', 'repair', 'break', 'hide', 'inspect', 'steal', 'paint', 'move'].map(verbOf);
const treatments = ['help', 'praise', 'question', 'invite', 'thank', 'save', 'warn', 'accept'].map(verbOf);

/**
 * `of the nine boats, four were sold and the other five were hidden`: the numbers add up, and each verb agrees with its own number.
 * @param people the counted are persons, so that they are praised and not sold
 * @param total 2 to 10, the number that the text gave before
 */
export function remainder(d: Discourse, total: number, counted: Noun, people: boolean): Sentence {
  const first = 1 + d.stream.int(total - 1), rest = total - first;
  const s = new Sentence().add('of the', numberWord(total), counted.plural, ',', numberWord(first));
  share(s, d, first, people);
  s.add('and the other');
  if (rest > 1) s.add(numberWord(rest));
  share(s, d, rest, people);
  return s.end();
}

function share(s: Sentence, d: Discourse, n: number, people: boolean): void {
  const subject: Referent = { number: n === 1 ? 'singular' : 'plural', pronoun: n === 1 ? 'it' : 'they' };
  copula(s, subject, d.tense);
  if (d.chance(0.6)) s.add(d.pick(people ? treatments : outcomes).participle);
  else s.add(zipf(d.stream, people ? adjectivesByGroup.feeling : adjectivesByGroup.size));
}

/** A percentage or a count as reports give it: `twenty percent`, `three hundred`. */
export function largeNumber(d: Discourse): string {
  return d.pick(d.chance(0.5) ? numberLists.large : numberLists.small);
}
