import { adjectivesByGroup, frames, nameLists, polar, seasonList, verbOf, zipf, type Noun, type NounClass } from './lexicon/index';
import { pronounForms, type Character, type Discourse, type Referent, type Thing } from './discourse';
import { clause, complements, frameFor, infinitive, stateClause } from './clause';
import { adjectiveFor, makeCharacter, makeThing, mention, nounPhrase, thingPhrase } from './nounPhrase';
import { copula, finite, verbGroup } from './verbGroup';
import { numberWord, remainder, type Step } from './quantity';
import { Sentence } from './sentence';

const one: Referent = { number: 'singular', pronoun: 'it' };
const many: Referent = { number: 'plural', pronoun: 'they' };
const speaking: readonly Referent[] = [
  { number: 'singular', pronoun: 'i' }, { number: 'plural', pronoun: 'we' }, { number: 'singular', pronoun: 'you' },
];
const thingClasses: readonly NounClass[] = ['treasure', 'tool', 'container', 'document', 'instrument', 'garment'];
const kin = { he: ['father', 'brother', 'uncle', 'grandfather', 'son'], she: ['mother', 'sister', 'aunt', 'grandmother', 'daughter'] } as const;

/**
 * The sentences of one tale in order. What the first ones fix (name and gender, trait, town, season, the thing that is sought, a number)
 * decides words in all later ones; the tense of the text holds outside quotations, where people speak in the present.
 */
export function talePlan(d: Discourse): Step[] {
  const nameOf = (pronoun: 'he' | 'she'): string => d.pick(nameLists[pronoun === 'she' ? 'female' : 'male']);
  const hero = makeCharacter(d, nameOf), other = makeCharacter(d, nameOf);
  const thing = makeThing(d, thingClasses);
  const town = d.pick(nameLists.town), trait = zipf(d.stream, adjectivesByGroup.trait);
  const season = d.pick(Object.keys(seasonList) as (keyof typeof seasonList)[]);
  const relative = d.pick(kin[d.chance(0.5) ? 'he' : 'she']);
  const found = d.chance(0.6);
  const herd = d.noun(d.nounClass(['animal', 'vehicle', 'tool', 'food']));
  const total = 3 + d.stream.int(8);
  const early: Step[] = [
    () => eventStep(d, hero), () => speechStep(d, hero), () => describeStep(d), () => seasonStep(d, season), () => subordinateStep(d, hero),
  ];
  const late: Step[] = [
    () => eventStep(d, hero), () => eventStep(d, hero), () => eventStep(d, other), () => eventStep(d, other),
    () => dialogueStep(d, hero, other, thing), () => dialogueStep(d, hero, other, thing), () => speechStep(d, hero),
    () => subordinateStep(d, hero), () => subordinateStep(d, other), () => describeStep(d), () => describeStep(d),
    () => knowledgeStep(d, other, thing), () => judgementStep(d, other),
  ];
  const counted = d.chance(0.5);
  if (counted) late.push(() => remainder(d, total, herd, false), () => theirStep(d, herd, total));
  return [
    () => openingStep(d, hero, trait, town, season),
    () => (counted ? herdStep(d, hero, herd, total) : eventStep(d, hero)),
    () => goalStep(d, hero, thing, relative),
    ...d.stream.shuffle(early).slice(0, d.stream.int(2)),
    () => meetingStep(d, hero, other, town),
    ...d.stream.shuffle(late).slice(0, 3 + d.stream.int(3)),
    () => outcomeStep(d, hero, thing, relative, found),
    () => closingStep(d, hero, trait, town),
  ];
}

const start = (): Sentence => new Sentence();

function begin(s: Sentence, d: Discourse, who: Character): Referent {
  s.subject = who;
  return mention(s, d, who, 'subject');
}

function openingStep(d: Discourse, hero: Character, trait: string, town: string, season: string): Sentence {
  const s = start();
  const form = d.stream.int(5);
  s.subject = hero;
  s.named.push(hero);
  if (form === 0) {
    s.add('there');
    copula(s, one, d.tense, 'none', d.chance(0.5) ? 'once' : undefined);
    s.add('a', trait, hero.role.singular, 'named', hero.name, 'who');
    finite(s, verbOf('live'), one, d.tense);
    return s.add('in', town).end();
  }
  if (form === 1) {
    s.add(hero.name, ', a', trait, hero.role.singular, 'from', town, ',');
    finite(s, verbOf('live'), one, d.tense);
    s.add('near');
    nounPhrase(s, d, ['place', 'building'], { depth: 0 });
    return s.end();
  }
  if (form === 2) {
    s.add('in the', season, d.pick(['of that year', 'after the war', 'before the flood']), ', a', trait, hero.role.singular, 'called', hero.name);
    finite(s, verbOf(d.pick(['come', 'return', 'travel'])), one, d.tense);
    return s.add('to', town).end();
  }
  s.add(hero.name);
  copula(s, one, d.tense);
  if (form === 3) return s.add('the most', trait, hero.role.singular, 'in', town).end();
  s.add('a', hero.role.singular, 'in', town, ', and everybody');
  verbGroup(s, d, verbOf('know'), one, { tense: d.tense });
  s.add('that', pronounForms[hero.pronoun][0]);
  copula(s, one, d.tense);
  return s.add(trait).end();
}

function herdStep(d: Discourse, hero: Character, herd: Noun, total: number): Sentence {
  const s = start();
  begin(s, d, hero);
  if (d.tense === 'past') s.add('had');
  else s.add('has').mark('agreement', 'have');
  s.add(numberWord(total), herd.plural);
  if (d.chance(0.5)) return s.end();
  s.add('and', d.pick(['a', 'one']), adjectiveFor(d, 'tool'));
  return s.add(d.noun(d.nounClass(['tool', 'container', 'furniture'])).singular).end();
}

/** `all nine geese were hungry, and nobody wanted to sell them`: the plural comes back as a pronoun. */
function theirStep(d: Discourse, herd: Noun, total: number): Sentence {
  const s = start().add(d.chance(0.5) ? `all ${numberWord(total)}` : 'the', herd.plural);
  copula(s, many, d.tense, d.chance(0.2) ? 'not' : 'none');
  s.add(zipf(d.stream, adjectivesByGroup.size), d.pick([', and nobody', ', but everybody', ', and somebody']));
  finite(s, verbOf(d.pick(['want', 'hope', 'try', 'refuse', 'decide'])), one, d.tense);
  s.add('to', d.pick(['find', 'buy', 'sell', 'count', 'take', 'keep', 'hide', 'steal'].map(verbOf)).base, 'them');
  if (d.chance(0.4)) {
    s.add('because they');
    copula(s, many, d.tense);
    s.add(d.pick(adjectivesByGroup.notion));
  }
  return s.end();
}

function goalStep(d: Discourse, hero: Character, thing: Thing, relative: string): Sentence {
  const s = start(), past = d.tense === 'past';
  const subject = begin(s, d, hero);
  const his = pronounForms[hero.pronoun][2];
  const form = d.stream.int(3);
  if (form === 0) {
    finite(s, verbOf(d.pick(['want', 'hope', 'need'])), subject, d.tense);
    s.add('to find');
    thingPhrase(s, thing, 'the');
    s.add('that', his, relative, past ? 'had' : 'has', d.pick(['lost', 'hidden', 'forgotten', 'sold']));
    return s.add(d.pick(['long ago', 'in the river', 'in the forest', 'in the city'])).end();
  }
  if (form === 1) {
    finite(s, verbOf('look'), subject, d.tense);
    s.add('everywhere for');
    thingPhrase(s, thing, 'the');
    return s.add(', but', pronounForms[hero.pronoun][0], past ? 'could not find it' : 'cannot find it').end();
  }
  verbGroup(s, d, verbOf('promise'), subject, { tense: d.tense, aspect: 'perfect' });
  s.add(d.chance(0.5) ? 'the priest' : `${his} ${relative}`, 'to bring back');
  thingPhrase(s, thing, 'the');
  return s.end();
}

function meetingStep(d: Discourse, hero: Character, other: Character, town: string): Sentence {
  const s = start();
  s.add(d.pick(['near', 'behind']));
  nounPhrase(s, d, ['building', 'place'], { depth: 0, determiner: 'the', number: 'singular' });
  if (d.chance(0.5)) s.add('of', town);
  const subject = begin(s, d, hero);
  finite(s, verbOf(d.pick(['meet', 'see'])), subject, d.tense);
  s.named.push(other);
  s.add(other.name, ', a', zipf(d.stream, adjectivesByGroup.trait), other.role.singular);
  if (d.chance(0.6)) {
    s.add('who');
    finite(s, verbOf(d.pick(['know', 'help', 'love', 'fear', 'remember'])), one, d.tense);
    nounPhrase(s, d, ['person'], { depth: 0 });
  }
  return s.end();
}

function eventStep(d: Discourse, who: Character): Sentence {
  const s = start();
  if (d.chance(0.2)) s.add(d.pick(['later', 'then', 'meanwhile', 'finally', 'fortunately', 'unfortunately', 'at last', 'the next day']), ',');
  s.subject = who;
  const subject = clause(s, d, { who, depth: 1 });
  if (d.chance(0.25)) {
    s.add('and');
    const frame = frames[d.pick(['handle', 'meet', 'move', 'build', 'tend'])];
    const v = zipf(d.stream, frame.verbs);
    finite(s, v, subject, d.tense);
    complements(s, d, frame, subject, d.tense, 0, false);
  }
  return s.end();
}

function subordinateStep(d: Discourse, who: Character): Sentence {
  const s = start(), word = d.pick(['when', 'while', 'because', 'although', 'before', 'after', 'until', 'as']);
  s.subject = who;
  if (d.chance(0.5)) {
    s.add(word);
    clause(s, d, { depth: 0, bare: true, licensed: word === 'before' || word === 'until' });
    s.add(',');
    clause(s, d, { who, depth: 0 });
  } else {
    clause(s, d, { who, depth: 0, bare: true });
    s.add(word);
    clause(s, d, { depth: 0, licensed: word === 'before' || word === 'until' });
  }
  return s.end();
}

function describeStep(d: Discourse): Sentence {
  const s = start();
  stateClause(s, d, { depth: 2 });
  if (d.chance(0.4)) {
    s.add(d.pick([', but', ', and']));
    clause(s, d, { depth: 0, bare: true });
  }
  return s.end();
}

function seasonStep(d: Discourse, season: keyof typeof seasonList): Sentence {
  const s = start(), words = seasonList[season];
  s.add('the', season);
  copula(s, one, d.tense, 'none', d.chance(0.4) ? 'still' : undefined);
  s.add(d.pick(['cold', 'mild', 'long', 'terrible', 'heavy']), ', and the');
  const n = d.noun(d.nounClass(['place', 'plant', 'building'])), plural = d.chance(0.6);
  s.add(plural ? n.plural : n.singular);
  copula(s, { number: plural ? 'plural' : 'singular', pronoun: 'it' }, d.tense);
  return s.add(d.pick(words.adjectives), 'because of the', words.weather).end();
}

/** Spoken words: present tense, first and second person, closed by the mark that opened them. */
function speechStep(d: Discourse, who: Character): Sentence {
  const s = start().quote(), subject = d.pick(speaking);
  const frame = frameFor(d, who), v = zipf(d.stream, frame.verbs);
  s.add(subject.pronoun);
  const negation = d.chance(0.25) ? d.pick(['not', 'never'] as const) : 'none';
  verbGroup(s, d, v, subject, { tense: 'present', aspect: d.pick(['simple', 'modal', 'modal', 'perfect']), negation });
  complements(s, d, frame, subject, 'present', 0, negation !== 'none');
  return attribute(s, d, ',', 'say', who);
}

function attribute(s: Sentence, d: Discourse, mark: string, verb: 'say' | 'ask' | 'reply', who: Character): Sentence {
  s.add(mark).quote();
  s.subject = who;
  s.named.push(who);
  const rolesDiffer = d.characters.every((c) => c === who || c.role !== who.role);
  if (rolesDiffer && d.chance(0.25)) {
    s.add('the', who.role.singular);
    finite(s, verbOf(verb), one, d.tense);
  } else {
    finite(s, verbOf(verb), one, d.tense);
    s.add(who.name);
  }
  return s.end();
}

function dialogueStep(d: Discourse, hero: Character, other: Character, thing: Thing): Sentence {
  const s = start().quote();
  if (d.chance(0.5)) {
    s.add(d.pick(['do you know where', 'have you ever seen', 'who has taken', 'did you sell']));
    const where = s.tokens[s.tokens.length - 1] === 'where';
    thingPhrase(s, thing, d.chance(0.3) ? 'my' : 'the');
    return where ? attribute(s.add('is'), d, '?', 'ask', hero) : attribute(s, d, '?', 'ask', hero);
  }
  s.add(d.pick(['i have never seen', 'i do not know anything about', 'nobody has ever found', 'you will find', 'i cannot give you']));
  thingPhrase(s, thing, d.chance(0.3) ? 'your' : 'the');
  return attribute(s, d, ',', d.chance(0.5) ? 'reply' : 'say', other);
}

function knowledgeStep(d: Discourse, other: Character, thing: Thing): Sentence {
  const s = start(), past = d.tense === 'past';
  const form = d.stream.int(3);
  if (form === 0) {
    s.add(d.pick(['nobody', 'nobody', 'no one']), 'in the', d.pick(['village', 'town', 'city', 'house']), past ? 'had' : 'has', 'ever');
    s.add(d.pick(['seen', 'touched', 'found', 'wanted']));
    thingPhrase(s, thing, 'the');
    return s.end();
  }
  const subject = begin(s, d, other);
  if (form === 1) {
    verbGroup(s, d, verbOf(d.pick(['know', 'remember', 'forget'])), subject, { tense: d.tense, negation: d.chance(0.4) ? 'not' : 'none' });
    s.add('where');
    thingPhrase(s, thing, 'the');
    copula(s, one, d.tense);
    return s.end();
  }
  verbGroup(s, d, verbOf(d.pick(['fail', 'refuse'])), subject, { tense: d.tense, aspect: 'perfect', negation: d.chance(0.6) ? 'never' : 'none' });
  s.add('to');
  infinitive(s, d, frames[d.pick(['meet', 'handle', 'self', 'tend'])], subject, d.tense, 0, false);
  return s.end();
}

function judgementStep(d: Discourse, who: Character): Sentence {
  const s = start(), subject = begin(s, d, who), sign = d.chance(0.5) ? 'positive' : 'negative';
  finite(s, verbOf(d.pick(['think', 'say', 'believe'])), subject, d.tense);
  s.add('that the', d.noun(d.nounClass(['work', 'document', 'food', 'event'])).singular);
  copula(s, one, d.tense, d.chance(0.3) ? 'not' : 'none');
  const [first, second] = [zipf(d.stream, polar.adjective[sign]), zipf(d.stream, polar.adjective[sign])];
  s.add(first);
  if (first !== second && d.chance(0.4)) s.add('and', second);
  return s.end();
}

function outcomeStep(d: Discourse, hero: Character, thing: Thing, relative: string, found: boolean): Sentence {
  const s = start(), past = d.tense === 'past';
  if (found) s.add(d.pick(['at last', 'finally', 'in the end']), ',');
  const subject = begin(s, d, hero);
  if (found) {
    finite(s, verbOf('find'), subject, d.tense);
    thingPhrase(s, thing, 'the');
    s.add(d.pick(['in', 'under', 'behind']));
    nounPhrase(s, d, ['furniture', 'container', 'building'], { depth: 0, number: 'singular' });
    if (d.chance(0.5)) {
      s.add('and');
      finite(s, verbOf('give'), subject, d.tense);
      s.add('it to', pronounForms[hero.pronoun][2], relative);
    }
    return s.end();
  }
  s.add('never');
  finite(s, verbOf(d.pick(['find', 'see'])), subject, d.tense);
  thingPhrase(s, thing, 'the');
  if (d.chance(0.6)) {
    s.add(', and', pronounForms[hero.pronoun][2], relative);
    verbGroup(s, d, verbOf('forgive'), one, { tense: d.tense, negation: 'never' });
    s.add(pronounForms[hero.pronoun][1]);
  } else s.add(past ? 'again' : 'any more');
  return s.end();
}

function closingStep(d: Discourse, hero: Character, trait: string, town: string): Sentence {
  const s = start(), form = d.stream.int(4);
  s.named.push(hero);
  if (form === 0) {
    s.add('since that day , everybody in', town);
    finite(s, verbOf('call'), one, d.tense);
    return s.add(hero.name, 'the', trait, hero.role.singular).end();
  }
  if (form === 1) {
    s.add('the people of', town, 'still');
    finite(s, verbOf('remember'), { number: 'plural', pronoun: 'they' }, d.tense);
    return s.add('the', trait, hero.role.singular).end();
  }
  const subject = begin(s, d, hero);
  if (form === 2) {
    finite(s, verbOf('stay'), subject, d.tense);
    s.add('in', town, 'because');
    clause(s, d, { depth: 0, bare: true });
    return s.end();
  }
  verbGroup(s, d, verbOf('leave'), subject, { tense: d.tense, negation: 'never' });
  return s.add(town, 'again').end();
}
