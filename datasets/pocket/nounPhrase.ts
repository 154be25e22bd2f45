import {
  adjectivesByGroup, genderOf, nameLists, nounsByClass, numberLists, zipf, type AdjectiveGroup, type Noun, type NounClass,
} from './lexicon/index';
import type { Character, Discourse, Referent, Thing } from './discourse';
import { pronounForms } from './discourse';
import type { Sentence } from './sentence';

/** The adjectives that stand before a noun of each class. */
const adjectiveGroups: Readonly<Record<NounClass, readonly AdjectiveGroup[]>> = {
  person: ['trait', 'trait', 'years'], animal: ['wild', 'size', 'colour', 'years'], tool: ['state', 'size', 'colour', 'age'],
  container: ['state', 'size', 'colour'], furniture: ['state', 'age', 'size'], treasure: ['colour', 'age', 'state'],
  device: ['state', 'age'], vehicle: ['size', 'colour', 'age'], building: ['shelter', 'age', 'size'], place: ['shelter', 'size'],
  part: ['state', 'colour'], food: ['taste', 'size'], drink: ['taste'], plant: ['size', 'colour'], garment: ['colour', 'state', 'age'],
  document: ['age', 'notion', 'official'], work: ['work'], instrument: ['age', 'state'], material: ['taste'], nature: ['weather'],
  institution: ['official'], event: ['official', 'notion'], notion: ['notion', 'official'], measure: ['extent'], body: ['size'], aspect: ['work'],
};

/** Classes whose nouns are mostly met one at a time. */
const mostlySingular = new Set<NounClass>(['place', 'building', 'institution', 'nature', 'furniture', 'event', 'notion']);

/** Prepositions after a noun of each class, and what they take. The noun after them is the attractor of agreement. */
const modifiers: Readonly<Partial<Record<NounClass, readonly (readonly [string, readonly NounClass[]])[]>>> = {
  person: [
    ['from', ['place']], ['with', ['animal', 'tool', 'garment', 'container']], ['in', ['garment', 'vehicle', 'building']],
    ['behind', ['furniture', 'building']],
  ],
  animal: [['in', ['building', 'place']], ['under', ['furniture', 'vehicle']], ['of', ['person']], ['near', ['building', 'part']]],
  tool: [
    ['of', ['material']], ['on', ['furniture']], ['in', ['container', 'building']], ['of', ['person']], ['behind', ['part', 'furniture']],
    ['to', ['building', 'furniture']],
  ],
  container: [['of', ['material']], ['on', ['furniture', 'vehicle']], ['under', ['furniture']], ['of', ['person']], ['from', ['building', 'place']]],
  furniture: [['near', ['part']], ['in', ['building', 'part']], ['of', ['person']]],
  treasure: [['of', ['person', 'material', 'material']], ['in', ['container']], ['from', ['building', 'place']]],
  device: [['in', ['building', 'part']], ['of', ['person', 'institution']], ['behind', ['part']]],
  vehicle: [['in', ['place']], ['near', ['building', 'place']], ['of', ['person', 'institution']]],
  building: [['near', ['place', 'building']], ['behind', ['building', 'plant']], ['on', ['place']], ['of', ['person', 'institution']]],
  place: [['behind', ['building']], ['near', ['building', 'place']], ['between', ['place', 'building']]],
  part: [['of', ['building']], ['behind', ['furniture']]],
  food: [['on', ['furniture']], ['in', ['container']], ['from', ['place', 'building']]],
  plant: [['near', ['building', 'part']], ['in', ['place']], ['behind', ['building']]],
  garment: [['of', ['person']], ['in', ['container', 'furniture']], ['from', ['building']]],
  document: [['about', ['event', 'notion', 'institution']], ['from', ['person', 'institution']], ['of', ['person']], ['on', ['furniture']]],
  work: [['about', ['person', 'event']], ['from', ['place']]],
  instrument: [['of', ['person']], ['in', ['container', 'building']]],
  nature: [['over', ['place']], ['near', ['place', 'building']]],
  institution: [['behind', ['document', 'event']], ['near', ['place']]],
  event: [['in', ['place', 'building']], ['about', ['notion']], ['between', ['institution']]],
  notion: [['about', ['event', 'institution', 'building']], ['of', ['institution', 'person']]],
  measure: [['of', ['food', 'vehicle', 'device', 'garment', 'document']]],
  body: [['of', ['person', 'animal']]],
};

/** What a noun phrase may be. */
export interface NounPhraseOptions {
  readonly number?: 'singular' | 'plural';
  /** How deep modifiers may nest; 0 gives a bare phrase. */
  readonly depth?: number;
  /** The phrase stands under negation, so `any` is allowed. */
  readonly negative?: boolean;
  /** Who may own the thing: gives `his`, `her`, `their`. */
  readonly owner?: Referent;
  readonly determiner?: 'the' | 'a';
  /** Chance of a prepositional modifier; the default is moderate. */
  readonly modified?: number;
}

const demonstratives = { singular: [['this', 'these'], ['that', 'those']], plural: [['these', 'this'], ['those', 'that']] } as const;

/** Writes a noun phrase whose head is of one of the classes, and returns what it refers to. */
export function nounPhrase(s: Sentence, d: Discourse, classes: readonly NounClass[], options: NounPhraseOptions = {}): Referent {
  const name = d.nounClass(classes);
  const n = d.noun(name);
  const depth = options.depth ?? 1;
  const plural = !n.mass && (options.number ? options.number === 'plural' : d.chance(mostlySingular.has(name) ? 0.18 : 0.38));
  if (plural && depth > 0 && !options.determiner && !options.negative && d.chance(0.06)) return partitive(s, d, n, name);
  if (n.mass) massDeterminer(s, d, options);
  else if (plural) pluralDeterminer(s, d, options);
  else singularDeterminer(s, d, options);
  if (d.chance(0.3)) s.add(adjectiveFor(d, name));
  s.add(plural ? n.plural : n.singular);
  const referent: Referent = { number: plural ? 'plural' : 'singular', pronoun: d.pronounFor(n, name, plural) };
  if (depth > 0 && d.chance(options.modified ?? 0.14)) modifier(s, d, name, depth - 1);
  return referent;
}

/** An attributive adjective for a noun of the class. */
export function adjectiveFor(d: Discourse, name: NounClass): string {
  return zipf(d.stream, adjectivesByGroup[d.pick(adjectiveGroups[name])]);
}

/** A prepositional phrase after a noun of the class. */
export function modifier(s: Sentence, d: Discourse, name: NounClass, depth: number): void {
  const options = modifiers[name];
  if (!options) return;
  const [preposition, classes] = d.pick(options);
  s.add(preposition);
  const head = d.nounClass(classes);
  if (head === 'material') return void s.add(d.noun(head).singular);
  nounPhrase(s, d, [head], { depth, determiner: d.chance(0.75) ? 'the' : undefined, number: preposition === 'between' ? 'plural' : undefined });
}

/** `one of the keys` is singular, `most of the keys` plural: the noun before the verb does not tell. */
function partitive(s: Sentence, d: Discourse, n: Noun, name: NounClass): Referent {
  const one = d.chance(0.4);
  s.add(one ? 'one' : d.pick(['some', 'most', 'many', 'both', 'all', 'several', 'two']), 'of the', n.plural);
  return { number: one ? 'singular' : 'plural', pronoun: d.pronounFor(n, name, !one) };
}

function singularDeterminer(s: Sentence, d: Discourse, o: NounPhraseOptions): void {
  const r = d.stream.next();
  if (o.determiner) s.add(o.determiner);
  else if (o.negative && r < 0.3) s.add('any');
  else if (o.owner && r < 0.38 && possess(s, o.owner)) return;
  else if (r < 0.62) s.add('the');
  else if (r < 0.84) s.add('a');
  else if (r < 0.9) { const [right, wrong] = d.pick(demonstratives.singular); s.add(right).mark('determiner', wrong); }
  else if (r < 0.94) s.add(d.chance(0.5) ? 'every' : 'each').mark('determiner', 'all');
  else if (r < 0.97) s.add(d.pick(nameLists[d.chance(0.5) ? 'male' : 'female']), "' s");
  else s.add(d.pick(['another', 'the only', 'the same', 'the other']));
}

function pluralDeterminer(s: Sentence, d: Discourse, o: NounPhraseOptions): void {
  const r = d.stream.next();
  if (o.determiner === 'the') s.add('the');
  else if (o.negative && r < 0.45) s.add('any');
  else if (o.owner && r < 0.25 && possess(s, o.owner)) return;
  else if (r < 0.5) s.add('the');
  else if (r < 0.64) s.add(zipf(d.stream, numberLists.small)).mark('determiner', 'a');
  else if (r < 0.72) s.add('many').mark('determiner', 'every');
  else if (r < 0.78) s.add('some');
  else if (r < 0.83) s.add(d.chance(0.5) ? 'several' : 'both').mark('determiner', 'each');
  else if (r < 0.9) { const [right, wrong] = d.pick(demonstratives.plural); s.add(right).mark('determiner', wrong); }
  else if (r < 0.94) s.add('all the');
  else if (r < 0.97) s.add('a few');
  else s.add('the other');
}

function massDeterminer(s: Sentence, d: Discourse, o: NounPhraseOptions): void {
  const r = d.stream.next();
  if (o.negative && r < 0.5) s.add('any');
  else if (o.owner && r < 0.3) possess(s, o.owner);
  else if (r < 0.6) s.add('the');
  else if (r < 0.85) s.add('some');
  else s.add('a little');
}

function possess(s: Sentence, owner: Referent): boolean {
  s.add(pronounForms[owner.pronoun][2]);
  return true;
}

/** `the red lantern` as the text introduced it; `a red lantern` the first time. */
export function thingPhrase(s: Sentence, thing: Thing, determiner: string): Referent {
  s.add(determiner, thing.adjective, thing.noun.singular);
  return { number: 'singular', pronoun: 'it' };
}

/** A character as the subject or object: by pronoun where that is clear, else by name, now and then by role. */
export function mention(s: Sentence, d: Discourse, who: Character, grammaticalCase: 'subject' | 'object'): Referent {
  if (!s.named.includes(who)) s.named.push(who);
  const rival = d.lastNamed.some((other) => other !== who && other.pronoun === who.pronoun);
  const clear = d.lastSubject === who && !rival;
  if (clear && s.tokens.length < 6 && d.chance(0.65)) s.add(pronounForms[who.pronoun][grammaticalCase === 'subject' ? 0 : 1]);
  else if (d.chance(0.82) || genderOf(who.role.singular) === undefined && d.characters.some((c) => c !== who && c.role === who.role)) s.add(who.name);
  else s.add('the', who.role.singular);
  return { number: 'singular', pronoun: who.pronoun };
}

/** A person for a text: the role comes from the topic, the name and every later pronoun from the role's gender. */
export function makeCharacter(d: Discourse, nameOf: (pronoun: 'he' | 'she') => string): Character {
  const role = d.pick(d.topic?.nouns.person ?? nounsByClass.person);
  const pronoun = genderOf(role.singular) ?? (d.chance(0.5) ? 'she' : 'he');
  let name: string;
  do name = nameOf(pronoun);
  while (d.characters.some((c) => c.name === name));
  const made: Character = { name, pronoun, role };
  d.characters.push(made);
  return made;
}

/** A thing that the text will return to by the same words. */
export function makeThing(d: Discourse, classes: readonly NounClass[]): Thing {
  const nounClass = d.nounClass(classes);
  return { nounClass, noun: d.noun(nounClass), adjective: adjectiveFor(d, nounClass) };
}
