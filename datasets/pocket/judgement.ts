import { adverbsByPlace, polar, verbOf, zipf, type Verb } from './lexicon/index';
import type { Discourse, Referent } from './discourse';
import { auxiliary, copula, finite } from './verbGroup';
import type { Sentence } from './sentence';

/** +1 praise, -1 blame. */
export type Sign = 1 | -1;

/**
 * How often a judgement is turned round on its way from the polar word to the meaning: 0 `is dull`, 1 `is not dull`,
 * 2 `is not without charm`. The word's own sign times (-1)^turns is the judgement.
 */
export type Turns = 0 | 1 | 2;

export const signName = (sign: Sign): 'positive' | 'negative' => (sign > 0 ? 'positive' : 'negative');
export const adjective = (d: Discourse, sign: Sign): string => zipf(d.stream, polar.adjective[signName(sign)]);
export const quality = (d: Discourse, sign: Sign): string => zipf(d.stream, polar.has[signName(sign)]);
const otherAdjective = (d: Discourse, sign: Sign, not: string): string => {
  let word = adjective(d, sign);
  while (word === not) word = adjective(d, sign);
  return word;
};
const affect = (d: Discourse, sign: Sign): Verb => zipf(d.stream, polar.affect[signName(sign)]);

const audiences = [
  'the audience', 'the children', 'the guests', 'the readers', 'everybody', 'the whole family', 'the visitors', 'us', 'me', 'the critics',
];
const [seem, fail, lack, contain, manage, refuse] = ['seem', 'fail', 'lack', 'contain', 'manage', 'refuse'].map(verbOf);

/** Draws the number of turns: mostly none, often one, sometimes two. */
export function drawTurns(d: Discourse, shares: readonly [number, number] = [0.77, 0.16]): Turns {
  const r = d.stream.next();
  return r < shares[0] ? 0 : r < shares[0] + shares[1] ? 1 : 2;
}

/** Writes what is said of a subject that is already written: a verb phrase of the given meaning, turned round `turns` times. */
export function judge(s: Sentence, d: Discourse, subject: Referent, meaning: Sign, turns: Turns): void {
  const word: Sign = turns === 1 ? (-meaning as Sign) : meaning;
  if (turns === 0) plain(s, d, subject, word);
  else if (turns === 1) turned(s, d, subject, word);
  else twice(s, d, subject, word);
}

/** Degrees that also sound right under negation: `not very dull`. */
const underNegation = ['very', 'really', 'truly', 'quite'];

function degree(s: Sentence, d: Discourse, words: readonly string[] = adverbsByPlace.degree): void {
  if (d.chance(0.4)) s.add(d.pick(words));
}

/** `a triumph`, or the plural for plural subjects. */
function isA(s: Sentence, d: Discourse, subject: Referent, word: Sign, article = 'a'): void {
  const n = zipf(d.stream, polar.isA[signName(word)]);
  if (subject.number === 'plural') s.add(article === 'a' ? n.plural : `${article} ${n.plural}`);
  else s.add(article, n.singular);
}

/** One adjective, or two different ones joined by a conjunction. */
function pair(s: Sentence, d: Discourse, word: Sign, conjunction: string | undefined): void {
  const first = adjective(d, word);
  s.add(first);
  if (conjunction) s.add(conjunction, otherAdjective(d, word, first));
}

function plain(s: Sentence, d: Discourse, subject: Referent, word: Sign): void {
  const form = d.stream.int(9);
  if (form < 3) {
    copula(s, subject, d.tense);
    degree(s, d);
    pair(s, d, word, d.chance(0.35) ? 'and' : undefined);
  } else if (form === 3) {
    finite(s, seem, subject, d.tense);
    degree(s, d);
    s.add(adjective(d, word));
  } else if (form === 4) {
    finite(s, affect(d, word), subject, d.tense);
    s.add(d.pick(audiences));
  } else if (form === 5) {
    copula(s, subject, d.tense);
    isA(s, d, subject, word);
  } else if (form === 6) {
    copula(s, subject, d.tense);
    s.add('full of', quality(d, word));
  } else if (form === 7) {
    copula(s, subject, d.tense);
    s.add('not only');
    pair(s, d, word, 'but also');
  } else {
    copula(s, subject, d.tense);
    s.add(d.pick(['nothing less than', 'almost', 'still']));
    isA(s, d, subject, word);
  }
}

function turned(s: Sentence, d: Discourse, subject: Referent, word: Sign): void {
  const form = d.stream.int(9);
  if (form < 2) {
    copula(s, subject, d.tense, d.pick(['not', 'not', 'never', 'hardly']));
    degree(s, d, underNegation);
    pair(s, d, word, d.chance(0.25) ? 'or' : undefined);
  } else if (form === 2) {
    copula(s, subject, d.tense);
    s.add(d.pick(['far from', 'anything but', 'by no means']), adjective(d, word));
  } else if (form === 3) {
    copula(s, subject, d.tense);
    s.add('neither');
    pair(s, d, word, 'nor');
  } else if (form === 4) {
    negatedVerb(s, d, subject, affect(d, word));
    s.add(d.pick(audiences));
  } else if (form === 5) {
    if (word > 0) {
      finite(s, fail, subject, d.tense);
      s.add('to');
    } else if (d.chance(0.5)) {
      finite(s, manage, subject, d.tense);
      s.add('not to');
    } else {
      finite(s, refuse, subject, d.tense);
      s.add('to');
    }
    s.add(affect(d, word).base, d.pick(audiences));
  } else if (form === 6) {
    if (subject.number === 'singular' && d.chance(0.4)) {
      copula(s, subject, d.tense);
      isA(s, d, subject, word, 'no');
    } else {
      copula(s, subject, d.tense, d.pick(['not', 'hardly', 'never']));
      isA(s, d, subject, word);
    }
  } else if (form === 7) {
    if (word > 0) finite(s, lack, subject, d.tense);
    else {
      copula(s, subject, d.tense);
      s.add('free of');
    }
    s.add(quality(d, word));
  } else {
    finite(s, contain, subject, d.tense);
    s.add(d.pick(['no', 'hardly any']), quality(d, word));
    if (d.chance(0.4)) s.add('at all');
  }
}

function twice(s: Sentence, d: Discourse, subject: Referent, word: Sign): void {
  const form = d.stream.int(5);
  if (form < 2) {
    copula(s, subject, d.tense, d.pick(['not', 'never', 'hardly']));
    s.add('without', quality(d, word));
  } else if (form === 2) {
    if (word > 0) negatedVerb(s, d, subject, lack);
    else {
      copula(s, subject, d.tense, d.pick(['not', 'hardly']));
      s.add('free of');
    }
    s.add(quality(d, word));
  } else if (form === 3) {
    s.add('never');
    finite(s, fail, subject, d.tense);
    s.add('to', affect(d, word).base, d.pick(audiences));
  } else {
    copula(s, subject, d.tense);
    s.add('by no means without', quality(d, word));
  }
}

function negatedVerb(s: Sentence, d: Discourse, subject: Referent, v: Verb): void {
  if (d.chance(0.6)) {
    auxiliary(s, 'do', subject, d.tense);
    s.add('not', v.base);
  } else {
    s.add(d.pick(['never', 'hardly']));
    finite(s, v, subject, d.tense);
  }
}
