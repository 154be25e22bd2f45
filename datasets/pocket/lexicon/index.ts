import type { Stream } from '../../../src/index';
import { adjectives, adverbs, polarAdjectives, polarNouns, type AdjectiveGroup } from './modifiers';
import { functionWords, punctuation } from './function';
import { massNoun, noun, verb, type Noun, type Verb } from './inflect';
import { countNouns, genderedNouns, massNouns, type NounClass } from './nouns';
import { names, numbers, years } from './names';
import { frameLists, polarVerbs, templateVerbs, type FrameKind } from './verbs';
import { topicLists, seasons } from './topics';

export type { Noun, Verb, NounClass, AdjectiveGroup, FrameKind };
export { addS } from './inflect';

/** A frame with its verbs inflected. */
export interface Frame {
  readonly id: string;
  readonly kind: FrameKind;
  readonly subject: readonly NounClass[];
  readonly object: readonly NounClass[];
  readonly verbs: readonly Verb[];
}

/** A topic with its nouns sorted into classes. */
export interface Topic {
  readonly id: string;
  readonly family: 'tales' | 'reports';
  readonly nouns: Readonly<Partial<Record<NounClass, readonly Noun[]>>>;
}

const split = (text: string): string[] => text.trim().split(/\s+/);
const mapValues = <T extends object, R>(record: T, f: (value: T[keyof T]) => R): Record<keyof T, R> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, f(value)])) as Record<keyof T, R>;

/** Count nouns by class; drink and material are mass. */
export const nounsByClass: Readonly<Record<NounClass, readonly Noun[]>> = {
  ...mapValues(countNouns, (text) => split(text).map(noun)),
  drink: split(massNouns.drink).map(massNoun),
  material: split(massNouns.material).map(massNoun),
};
export const weatherNouns: readonly Noun[] = split(massNouns.weather).map(massNoun);
export const frames: Readonly<Record<string, Frame>> = Object.fromEntries(frameLists.map((list) =>
  [list.id, { ...list, object: list.object ?? [], verbs: split(list.verbs).map(verb) }]));
export const adjectivesByGroup: Readonly<Record<AdjectiveGroup, readonly string[]>> = mapValues(adjectives, split);
export const polar = {
  adjective: { positive: split(polarAdjectives.positive), negative: split(polarAdjectives.negative) },
  affect: { positive: split(polarVerbs.affectPositive).map(verb), negative: split(polarVerbs.affectNegative).map(verb) },
  judge: { positive: split(polarVerbs.judgePositive).map(verb), negative: split(polarVerbs.judgeNegative).map(verb) },
  isA: { positive: split(polarNouns.isAPositive).map(noun), negative: split(polarNouns.isANegative).map(noun) },
  has: { positive: split(polarNouns.hasPositive), negative: split(polarNouns.hasNegative) },
} as const;
export const adverbsByPlace = mapValues(adverbs, split);
export const nameLists = mapValues(names, (text) => split(text).map((w) => w[0].toUpperCase() + w.slice(1)));
export const numberLists = mapValues(numbers, split);
export const yearList = years;
export const seasonList = mapValues(seasons, (s) => ({ weather: s.weather, adjectives: split(s.adjectives), plant: s.plant }));
export const punctuationMarks = split(punctuation);
export const closedWords = split(functionWords);

const classOf = new Map<string, NounClass>();
const nounOf = new Map<string, Noun>();
for (const [name, list] of Object.entries(nounsByClass) as [NounClass, Noun[]][]) {
  for (const n of list) { classOf.set(n.singular, name); nounOf.set(n.singular, n); }
}
const gender = new Map<string, 'she' | 'he'>([
  ...split(genderedNouns.female).map((w) => [w, 'she'] as const),
  ...split(genderedNouns.male).map((w) => [w, 'he'] as const),
]);

/** `she` or `he` where the noun itself decides, else undefined. */
export const genderOf = (singular: string): 'she' | 'he' | undefined => gender.get(singular);

/** Nouns of a topic by class; words that the lexicon does not know are left out (a test lists them). */
export const topics: readonly Topic[] = topicLists.map((list) => {
  const nouns: Partial<Record<NounClass, Noun[]>> = {};
  for (const word of split(list.nouns)) {
    const name = classOf.get(word);
    if (name) (nouns[name] ??= []).push(nounOf.get(word)!);
  }
  return { id: list.id, family: list.family, nouns };
});
/** Topic nouns missing in the lexicon. */
export const unknownTopicNouns: readonly string[] = topicLists.flatMap((l) => split(l.nouns)).filter((w) => !classOf.has(w));

const templateVerbForms = new Map<string, Verb>(
  [...split(templateVerbs).map(verb), ...Object.values(frames).flatMap((f) => f.verbs)].map((v) => [v.base, v]));

/** The forms of a verb of the lexicon by its base. */
export function verbOf(base: string): Verb {
  const found = templateVerbForms.get(base);
  if (!found) throw new Error(`the pocket lexicon has no verb '${base}'`);
  return found;
}

/**
 * Picks by Zipf's law: the item of rank r has weight about 1 / (r + 6) (Zipf-Mandelbrot), drawn by inverting its log-shaped
 * cumulative distribution, so the cost does not grow with the list.
 */
export function zipf<T>(stream: Stream, items: readonly T[]): T {
  const offset = 6;
  return items[Math.floor(offset * (Math.pow(1 + items.length / offset, stream.next()) - 1))];
}

/** Every word form of the lexicon once, sorted by list and rank: the order of `vocab.txt` after the special tokens and marks. */
export function allForms(): string[] {
  const forms = new Set<string>(closedWords);
  const add = (...words: readonly string[]): void => { for (const w of words) forms.add(w); };
  for (const list of Object.values(nounsByClass)) for (const n of list) add(n.singular, n.plural);
  for (const n of weatherNouns) add(n.singular);
  const verbs = [...templateVerbForms.values(), ...polar.affect.positive, ...polar.affect.negative, ...polar.judge.positive, ...polar.judge.negative];
  for (const v of verbs) add(v.base, v.third, v.past, v.participle, v.gerund);
  for (const list of Object.values(adjectivesByGroup)) add(...list);
  add(...polar.adjective.positive, ...polar.adjective.negative, ...polar.has.positive, ...polar.has.negative);
  for (const n of [...polar.isA.positive, ...polar.isA.negative]) add(n.singular, n.plural);
  for (const lists of [adverbsByPlace, nameLists, numberLists]) for (const list of Object.values(lists)) add(...list.map((w) => w.toLowerCase()));
  for (const s of Object.values(seasonList)) add(...s.adjectives);
  add(...yearList);
  return [...forms];
}
