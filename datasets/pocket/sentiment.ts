import { Stream, type Example } from '../../src/index';
import { nameLists, nounsByClass, numberLists, polar, verbOf, zipf } from './lexicon/index';
import { Discourse, type Referent } from './discourse';
import { adjective, drawTurns, judge, quality, signName, type Sign, type Turns } from './judgement';
import { auxiliary, copula, finite } from './verbGroup';
import { familyOf, SEED, splitOf, type Split } from './corpus';
import { render, Sentence } from './sentence';

const places = ['hotel', 'restaurant', 'cafe', 'museum', 'theatre', 'inn'], meals = ['dinner', 'breakfast', 'meal', 'soup', 'cake'];
const makers = ['director', 'writer', 'singer', 'actor', 'poet', 'painter', 'musician', 'cook', 'dancer'];
const speakers = ['critics', 'readers', 'visitors', 'fans', 'friends', 'guests', 'students', 'teachers', 'reporters', 'editors'];
const neutral = ['new', 'long', 'short', 'latest', 'first', 'second', 'last', 'famous', 'old', 'debut', 'modern'];
const ends = [
  'from the first scene to the last', 'on the second day', 'for most of the evening', 'in the second half', 'from beginning to end', 'this year',
  'for a whole hour', 'despite the rain',
];
const they: Referent = { number: 'plural', pronoun: 'they' };
const nobody: Referent = { number: 'singular', pronoun: 'he' };

/** Sentences of this length in tokens, marks counted, are kept. */
export const lengthRange = [8, 28] as const;

/**
 * Draws one sentence of the given meaning. The label is the judgement of the main clause: neither a negated word, nor what a concession
 * grants, nor what the people whose words are reported think of something else decides it.
 */
export function drawSentence(d: Discourse, meaning: Sign): Sentence {
  const s = new Sentence(), against = -meaning as Sign, any: Sign = d.chance(0.5) ? 1 : -1;
  const form = d.stream.int(26) - 5;
  if (form < 6) {
    main(s, d, meaning);
    tail(s, d, 0.6);
  } else if (form === 6) {
    s.add(d.pick(['although', 'even though', 'while']));
    main(s, d, against);
    s.add(',');
    main(s, d, meaning);
  } else if (form === 7) {
    main(s, d, meaning);
    s.add(d.pick([', although', ', even though', 'although']));
    main(s, d, against);
  } else if (form === 8) {
    main(s, d, against);
    s.add(d.pick([', but', ', but', '; however ,']));
    main(s, d, meaning);
  } else if (form === 9) {
    s.add('despite', d.pick(['the', 'a few', 'some']), adjective(d, against), aspects(d), ',');
    main(s, d, meaning);
  } else if (form === 10) {
    main(s, d, meaning);
    s.add('despite', d.chance(0.5) ? quality(d, against) : `the ${adjective(d, against)} ${aspect(d)}`);
  } else if (form === 11) {
    reported(s, d, any);
    main(s, d, meaning);
  } else if (form === 12) {
    main(s, d, meaning);
    s.add(', say the', d.pick(speakers), 'who');
    finite(s, opinion(d, any), they, d.tense);
    s.add('the', work(d));
  } else if (form === 13) {
    expected(s, d, against);
    main(s, d, meaning);
  } else if (form === 14) {
    s.add('unlike the', adjective(d, any), work(d), ',');
    main(s, d, meaning);
    tail(s, d, 0.3);
  } else if (form === 15) believed(s, d, meaning);
  else if (form === 16) unreal(s, d, meaning);
  else if (form < 19) compared(s, d, meaning, any);
  else {
    experienced(s, d, meaning);
    tail(s, d, 0.6);
  }
  return s.end();
}

/** A subject and a judgement of it. */
function main(s: Sentence, d: Discourse, meaning: Sign, turns: Turns = drawTurns(d)): void {
  judge(s, d, subjectOf(s, d), meaning, turns);
}

/** What is judged: a work, a part of one (the head is what counts for the verb), a place, a meal. */
function subjectOf(s: Sentence, d: Discourse): Referent {
  const r = d.stream.next(), plural = d.chance(0.35);
  const referent: Referent = { number: plural ? 'plural' : 'singular', pronoun: plural ? 'they' : 'it' };
  const head = (singular: string, many: string): Sentence => s.add(plural ? many : singular);
  if (r < 0.15) {
    s.add(d.pick(nameLists[d.chance(0.5) ? 'female' : 'male']), "' s");
    if (d.chance(0.5)) s.add(d.pick(neutral));
  } else {
    s.add(plural ? d.pick(['the', 'the', 'these', 'those']) : d.pick(['the', 'the', 'this', 'that']));
    if (d.chance(0.25)) s.add(d.pick(neutral));
  }
  if (r < 0.55) {
    const n = zipf(d.stream, nounsByClass.work);
    head(n.singular, n.plural);
    if (r < 0.27) {
      s.add(d.pick(['by the', 'of the']));
      if (d.chance(0.6)) s.add(adjective(d, d.chance(0.5) ? 1 : -1));
      s.add(d.pick(makers));
    } else if (r < 0.36) {
      s.add(d.pick(['that the', 'which the']), d.pick(speakers));
      finite(s, opinion(d, d.chance(0.5) ? 1 : -1), they, d.tense);
    }
  } else if (r < 0.85) {
    const n = d.pick(nounsByClass.aspect);
    head(n.singular, n.plural).add(d.pick(['of the', 'in the']), work(d));
  } else {
    const n = d.pick(d.chance(0.5) ? places : meals);
    head(n, n + 's').add('in', d.pick(nameLists.town));
  }
  return referent;
}

const work = (d: Discourse): string => { const n = zipf(d.stream, nounsByClass.work); return d.chance(0.7) ? n.singular : n.plural; };
const aspect = (d: Discourse): string => d.pick(nounsByClass.aspect).singular;
const aspects = (d: Discourse): string => d.pick(nounsByClass.aspect).plural;
const opinion = (d: Discourse, sign: Sign) => zipf(d.stream, polar.judge[signName(sign)]);

function tail(s: Sentence, d: Discourse, share: number): void {
  if (d.chance(share)) s.add(d.pick(ends));
}

/** `critics who hated the novel admit that`: the words of others, true whatever they think of something else. */
function reported(s: Sentence, d: Discourse, sign: Sign): void {
  if (d.chance(0.7)) {
    s.add(d.chance(0.5) ? 'the' : d.pick(['some', 'many', 'most']), d.pick(speakers), 'who');
    finite(s, opinion(d, sign), they, d.tense);
    s.add('the', work(d));
  } else s.add('the', adjective(d, sign), d.pick(speakers));
  finite(s, verbOf(d.pick(['admit', 'say', 'agree', 'insist', 'believe', 'report'])), they, d.tense);
  s.add('that');
}

function expected(s: Sentence, d: Discourse, sign: Sign): void {
  if (d.chance(0.5)) s.add(d.pick(['we', 'i', 'the critics', 'the readers']), 'expected');
  else s.add(d.pick(['the editors', 'the writers', 'the newspapers', 'the notices']), 'promised');
  s.add('a');
  if (d.chance(0.5)) s.add(zipf(d.stream, polar.isA[signName(sign)]).singular);
  else s.add(adjective(d, sign), zipf(d.stream, nounsByClass.work).singular);
  s.add(', but');
}

/** Clauses about the truth of a judgement: `it is not true that`, `nobody denies that`, `the critics are wrong to call it`. */
function believed(s: Sentence, d: Discourse, meaning: Sign): void {
  const form = d.stream.int(5), against = -meaning as Sign;
  if (form === 0) {
    s.add(d.pick(['it is not true that', 'it is wrong to say that', 'nobody believes that', 'i doubt that']));
    main(s, d, against, d.chance(0.8) ? 0 : 1);
  } else if (form === 1) {
    s.add(d.pick(['nobody denies that', 'it is true that', 'there is no doubt that', 'i do not doubt that']));
    main(s, d, meaning, d.chance(0.7) ? 0 : 1);
  } else {
    const wrong = form < 4;
    s.add('the', d.pick(speakers));
    copula(s, they, d.tense);
    s.add(wrong ? d.pick(['wrong', 'not right']) : d.pick(['right', 'not wrong']), 'to call');
    subjectOf(s, d);
    s.add(adjective(d, wrong ? against : meaning));
  }
}

/** `would have been a triumph with a better cast`: what is not so. */
function unreal(s: Sentence, d: Discourse, meaning: Sign): void {
  const against = -meaning as Sign;
  subjectOf(s, d);
  s.add(d.pick(['would have been', 'could have been', 'might have been']), adjective(d, against));
  if (d.chance(0.4)) s.add('and', adjective(d, against));
  s.add(meaning < 0 ? 'with a better' : `without the ${d.chance(0.5) ? adjective(d, 1) : d.pick(neutral)}`, aspect(d));
}

/** `is more charming than the dull novel`, `is less dull than`: the first adjective and its direction count, the second does not. */
function compared(s: Sentence, d: Discourse, meaning: Sign, other: Sign): void {
  const subject = subjectOf(s, d), less = d.chance(0.45);
  copula(s, subject, d.tense);
  s.add(d.pick(['much', 'far']), less ? 'less' : 'more', adjective(d, less ? (-meaning as Sign) : meaning), 'than the', adjective(d, other), work(d));
}

/** Somebody's own judgement: `we did not enjoy`, `nobody could hate`, `hardly any readers recommended`. */
function experienced(s: Sentence, d: Discourse, meaning: Sign): void {
  const turns = drawTurns(d, [0.76, 0.24]), word = (turns === 1 ? -meaning : meaning) as Sign, v = opinion(d, word);
  if (turns === 0) {
    if (d.chance(0.5)) {
      s.add(d.pick(['we', 'i']));
      finite(s, v, they, d.tense);
    } else {
      s.add('the', d.pick(speakers));
      finite(s, v, they, d.tense);
    }
  } else {
    const form = d.stream.int(4);
    if (form === 0) {
      s.add('nobody');
      finite(s, v, nobody, d.tense);
    } else if (form === 1) {
      s.add(d.pick(['hardly any', 'none of the', 'no']), d.pick(speakers));
      finite(s, v, they, d.tense);
    } else if (form === 2) s.add(d.pick(['we', 'i', 'you']), d.pick(['could not', 'cannot', 'will never', 'would hardly']), v.base);
    else {
      s.add('the', d.pick(speakers));
      auxiliary(s, 'do', they, d.tense);
      s.add('not', v.base);
    }
  }
  subjectOf(s, d);
  if (d.chance(0.15)) s.add('( the', d.pick(numberLists.ordinal), 'of the year )');
}

/**
 * Labelled sentences of one split: as much praise as blame, none twice. Their hashes keep them out of every other split and out of
 * the family `reports`, on which the generators are trained. A longer list begins with the shorter one.
 *
 * @example sentimentExamples('dev', 1000)
 */
export function sentimentExamples(split: Split, count: number): Example[] {
  const stream = new Stream(`pocket/sentiment/${split}`, SEED), seen = new Set<string>(), examples: Example[] = [];
  let first = stream.int(2);
  while (examples.length < count) {
    const label = examples.length % 2 ? 1 - first : first;
    const d = new Discourse(stream, stream.next() < 0.6 ? 'present' : 'past', undefined);
    const { tokens } = drawSentence(d, label === 1 ? 1 : -1);
    if (tokens.length < lengthRange[0] || tokens.length > lengthRange[1]) continue;
    if (splitOf(tokens) !== split || familyOf(tokens) !== 'tales') continue;
    const text = render(tokens);
    if (seen.has(text)) continue;
    seen.add(text);
    examples.push({ text, label });
    if (examples.length % 2 === 0) first = stream.int(2);
  }
  return examples;
}
