import { adjectivesByGroup, adverbsByPlace, frames, nameLists, verbOf, weatherNouns, zipf, type Frame, type NounClass } from './lexicon/index';
import { pronounForms, type Character, type Discourse, type Referent, type Tense } from './discourse';
import { adjectiveFor, mention, nounPhrase } from './nounPhrase';
import { auxiliary, copula, finite, verbGroup, type Aspect, type Negation } from './verbGroup';
import type { Sentence } from './sentence';

/** What a clause is to be. */
export interface ClauseOptions {
  readonly tense?: Tense;
  /** Nesting that is left: relative clauses and complements take one each. */
  readonly depth?: number;
  readonly frame?: Frame;
  /** A character as the subject. */
  readonly who?: Character;
  /** The clause stands under an outer negation, question or condition: `any` and `ever` are allowed already. */
  readonly licensed?: boolean;
  /** Chance that the clause is negated. */
  readonly negated?: number;
  /** No adverbials at the end. */
  readonly bare?: boolean;
}

const personFrames = `handle handle meet move rest build mend tend say ask try give read eat wear drive perform grow drink self self watch
  body`.split(/\s+/);
const otherFrames = `happen happen affect occur blow damage hunt carry bloom rest contain cause`.split(' ');
const officialFrames = `govern govern govern cause run found employ state state reveal change change occur damage affect handle meet build try
  say read carry happen watch`.split(/\s+/);
const aspects: readonly Aspect[] = ['simple', 'simple', 'simple', 'simple', 'perfect', 'progressive', 'modal'];
const stillVerbs = ['lie', 'stand', 'hang', 'belong', 'stay'].map(verbOf);
const paired = new Set(['hand', 'eye', 'arm', 'leg', 'foot', 'shoulder', 'finger']);
const concrete = new Set<NounClass>(['tool', 'container', 'furniture', 'treasure', 'device', 'garment', 'document', 'instrument']);
const directions = ['to', 'to', 'into', 'toward', 'across', 'along', 'from', 'through', 'past'];

/** The frame of a clause: for a person any that people fill, else what the family writes about. */
export function frameFor(d: Discourse, who?: Character): Frame {
  if (d.topic?.family === 'reports' && !who) return frames[d.pick(officialFrames)];
  return frames[who || d.chance(0.68) ? d.pick(personFrames) : d.pick(otherFrames)];
}

/** A finite clause: subject, verb group, complements, adverbials. Returns what the subject refers to. */
export function clause(s: Sentence, d: Discourse, options: ClauseOptions = {}): Referent {
  const { tense = d.tense, depth = 1, who } = options;
  if (!who && d.chance(0.16)) return stateClause(s, d, options);
  const frame = options.frame ?? frameFor(d, who);
  const passive = !who && frame.kind === 'transitive' && frame.object.length > 0 && frame.id !== 'body' && d.chance(0.16);
  const negative = !who && !passive && !options.licensed && d.chance(0.05);
  const classes = passive ? frame.object : frame.subject;
  const subject = who ? mention(s, d, who, 'subject') : negative ? negativeSubject(s, d, frame) : nounPhrase(s, d, classes, { depth });
  if (!who && !negative && depth > 0 && d.chance(0.12)) relative(s, d, subject, classes, tense, depth - 1);
  const negation: Negation = negative ? 'none' : d.chance(options.negated ?? 0.14) ? d.pick(['not', 'not', 'not', 'never', 'hardly']) : 'none';
  const aspect = d.pick(aspects);
  const adverb = negation === 'none' && !passive && d.chance(aspect === 'perfect' ? 0.4 : 0.14) ? middleAdverb(d, aspect) : undefined;
  const v = zipf(d.stream, frame.verbs);
  verbGroup(s, d, v, subject, { tense, aspect, negation, adverb, passive, unlicensed: !options.licensed && !negative });
  const scope = negative || negation !== 'none' || options.licensed === true;
  if (passive) {
    s.add('by');
    nounPhrase(s, d, frame.subject, { depth: depth - 1 });
  } else complements(s, d, frame, subject, tense, depth, scope);
  if (!options.bare && d.chance(0.3)) adverbial(s, d, frame, subject, scope && !options.licensed);
  return subject;
}

/** A subject that negates its clause: `nobody`, `no sailor`, `none of the keys`, `hardly any guards`, `neither the cat nor the dog`. */
function negativeSubject(s: Sentence, d: Discourse, frame: Frame): Referent {
  const name = d.nounClass(frame.subject);
  const n = d.noun(name);
  const kind = d.stream.int(5);
  if (kind === 0 && name === 'person') {
    s.add('nobody');
    return { number: 'singular', pronoun: 'he' };
  }
  if (kind === 1) {
    s.add('none of the', n.plural);
    return { number: 'plural', pronoun: 'they' };
  }
  if (kind === 2) {
    s.add('hardly any', n.plural);
    return { number: 'plural', pronoun: 'they' };
  }
  if (kind === 3) {
    const other = d.otherNoun(name, n);
    s.add('neither the', n.singular, 'nor the', other.singular);
    return { number: 'singular', pronoun: d.pronounFor(n, name, false) };
  }
  const plural = d.chance(0.5);
  s.add('no', plural ? n.plural : n.singular);
  return { number: plural ? 'plural' : 'singular', pronoun: d.pronounFor(n, name, plural) };
}

function middleAdverb(d: Discourse, aspect: Aspect): string {
  if (aspect === 'perfect') return d.pick(['already', 'just', 'always', 'often']);
  if (aspect === 'simple') return zipf(d.stream, d.chance(0.5) ? adverbsByPlace.frequency : adverbsByPlace.manner);
  return d.pick(['also', 'still', 'soon', 'always']);
}

/** What follows the verb in its frame. `scope` is true under negation. */
export function complements(s: Sentence, d: Discourse, frame: Frame, subject: Referent, tense: Tense, depth: number, scope: boolean): void {
  switch (frame.kind) {
    case 'intransitive': return;
    case 'motion':
      if (d.chance(0.75)) {
        s.add(d.pick(directions));
        nounPhrase(s, d, ['place', 'building'], { depth: depth - 1, determiner: 'the' });
      }
      return;
    case 'transitive':
      if (frame.id === 'self') reflexive(s, subject);
      else object(s, d, frame.object, subject, depth, scope);
      return;
    case 'ditransitive':
      if (d.chance(0.5)) {
        person(s, d, depth);
        object(s, d, frame.object, subject, 0, scope);
      } else {
        object(s, d, frame.object, subject, 0, scope);
        s.add('to');
        person(s, d, depth);
      }
      return;
    case 'clausal':
      s.add('that');
      clause(s, d, {
        tense, depth: depth - 1, licensed: scope, bare: true,
        frame: depth < 1 ? frames[d.pick(['rest', 'happen', 'meet', 'occur', 'move'])] : undefined,
      });
      return;
    case 'interrogative':
      s.add(d.pick(['whether', 'whether', 'why', 'where', 'when', 'how']));
      clause(s, d, {
        tense, depth: depth - 1, licensed: s.tokens[s.tokens.length - 1] === 'whether' || scope, bare: true, negated: 0.05,
        frame: frames[d.pick(['rest', 'happen', 'meet', 'move', 'handle', 'blow'])],
      });
      return;
    case 'control': {
      s.add('to');
      const inner = frames[d.pick(['handle', 'meet', 'build', 'read', 'move', 'eat', 'tend', 'self', 'rest', 'give', 'wear'])];
      infinitive(s, d, inner, subject, tense, depth - 1, scope);
    }
  }
}

/** An infinitive with its complements; its silent subject is that of the clause above, as the reflexive shows. */
export function infinitive(s: Sentence, d: Discourse, frame: Frame, subject: Referent, tense: Tense, depth: number, scope: boolean): void {
  const v = zipf(d.stream, frame.verbs);
  s.add(v.base);
  if (v.past !== v.base) s.mark('form', v.past);
  complements(s, d, frame, subject, tense, depth, scope);
}

function reflexive(s: Sentence, subject: Referent): void {
  const wrong = { he: 'themselves', she: 'themselves', it: 'themselves', they: 'itself', i: 'himself', we: 'myself', you: 'herself' };
  s.add(pronounForms[subject.pronoun][3]).mark('reflexive', wrong[subject.pronoun]);
}

function object(s: Sentence, d: Discourse, classes: readonly NounClass[], subject: Referent, depth: number, scope: boolean): void {
  if (classes[0] === 'body') {
    const part = d.noun('body');
    const several = subject.number === 'plural' || (paired.has(part.singular) && d.chance(0.6));
    s.add(pronounForms[subject.pronoun][2], several ? part.plural : part.singular);
    return;
  }
  const referent = nounPhrase(s, d, classes, { depth, negative: scope, owner: subject.pronoun === 'it' ? undefined : subject });
  if (depth > 0 && d.chance(0.12)) relative(s, d, referent, classes, d.tense, depth - 1);
}

function person(s: Sentence, d: Discourse, depth: number): void {
  const other = d.characters.find((c) => d.introduced.has(c) && !d.lastNamed.includes(c) && c !== d.lastSubject);
  if (other && d.chance(0.4)) {
    s.named.push(other);
    s.add(other.name);
  } else nounPhrase(s, d, ['person'], { depth: depth - 1 });
}

/** A relative clause after its head: of the subject (`who sells the boats`, agreeing with the head) or of the object (`that the boys found`). */
export function relative(s: Sentence, d: Discourse, head: Referent, classes: readonly NounClass[], tense: Tense, depth: number): void {
  const isPerson = classes.includes('person'), isThing = classes.some((c) => concrete.has(c));
  if (isPerson && d.chance(0.6)) {
    s.add('who');
    const frame = frames[d.pick(['handle', 'meet', 'build', 'tend', 'move', 'read', 'wear', 'grow', 'self'])];
    const v = zipf(d.stream, frame.verbs);
    finite(s, v, head, tense);
    complements(s, d, frame, head, tense, 0, false);
  } else if (!isPerson && isThing && d.chance(0.4)) {
    const v = d.pick(stillVerbs);
    s.add('that');
    finite(s, v, head, tense);
    s.add(v.base === 'belong' ? 'to' : d.pick(['near', 'behind', 'under', 'beside']));
    nounPhrase(s, d, v.base === 'belong' ? ['person'] : ['furniture', 'part', 'building'], { depth: 0, determiner: 'the' });
  } else {
    const frame = isPerson ? frames.meet : frames[d.pick(['handle', 'handle', 'watch'])];
    s.add(isPerson && d.chance(0.5) ? 'who' : 'that');
    const subject = nounPhrase(s, d, ['person'], { depth, determiner: 'the' });
    finite(s, zipf(d.stream, frame.verbs), subject, tense);
  }
}

/** A clause with the copula: a state, a place, or existence. The subject carries a modifier half of the time: the attractor. */
export function stateClause(s: Sentence, d: Discourse, options: ClauseOptions = {}): Referent {
  const { tense = d.tense, depth = 1 } = options;
  const negation: Negation = d.chance(options.negated ?? 0.14) ? d.pick(['not', 'not', 'never', 'hardly']) : 'none';
  if (negation === 'none' && d.chance(0.2)) return existence(s, d, tense);
  const classes: readonly NounClass[] = d.topic?.family === 'reports'
    ? ['measure', 'institution', 'notion', 'document', 'building', 'event', 'person']
    : ['tool', 'container', 'furniture', 'treasure', 'building', 'part', 'garment', 'animal', 'person', 'food'];
  const name = d.nounClass(classes);
  const subject = nounPhrase(s, d, [name], { depth: Math.max(depth, 1), modified: 0.5 });
  if (depth > 0 && d.chance(0.15)) relative(s, d, subject, [name], tense, 0);
  copula(s, subject, tense, negation, negation === 'none' && d.chance(0.15) ? d.pick(['still', 'always', 'often', 'almost']) : undefined);
  const r = d.stream.next();
  if (r < 0.6) {
    if (d.chance(0.25)) s.add(d.pick(adverbsByPlace.degree));
    s.add(name === 'person' ? zipf(d.stream, adjectivesByGroup.feeling) : adjectiveFor(d, name));
  } else if (r < 0.8) {
    s.add(d.pick(['in', 'near', 'behind', 'beside']));
    nounPhrase(s, d, ['building', 'place', 'part'], { depth: 0, determiner: 'the' });
  } else {
    s.add(d.pick(['more', 'less']), d.pick(adjectivesByGroup.notion), 'than');
    nounPhrase(s, d, [name], { depth: 0, number: subject.number });
  }
  return subject;
}

function existence(s: Sentence, d: Discourse, tense: Tense): Referent {
  const plural = d.chance(0.5);
  const subject: Referent = { number: plural ? 'plural' : 'singular', pronoun: plural ? 'they' : 'it' };
  s.add('there');
  auxiliary(s, 'be', subject, tense);
  s.add(plural ? d.pick(['many', 'several', 'two', 'three', 'some', 'no']) : d.pick(['a', 'a', 'no', 'another']));
  const name = d.nounClass(['tool', 'container', 'animal', 'person', 'building', 'plant', 'document']);
  const n = d.noun(name);
  s.add(adjectiveFor(d, name), plural ? n.plural : n.singular, d.pick(['in', 'near', 'behind', 'beside']));
  nounPhrase(s, d, ['building', 'place', 'part'], { depth: 0, determiner: 'the' });
  return subject;
}

/** A phrase of time, place, manner or means at the end of a clause. */
export function adverbial(s: Sentence, d: Discourse, frame: Frame, subject: Referent, negative: boolean): void {
  const r = d.stream.next();
  if (r > 0.9 && frame.subject.includes('person') && frame.kind !== 'clausal') {
    const other = frames[d.pick(['handle', 'meet', 'say', 'tend', 'affect', 'read'])], v = zipf(d.stream, other.verbs);
    s.add('without', v.gerund);
    if (other.kind === 'clausal') s.add('anything');
    else object(s, d, other.object, subject, 0, true);
    return;
  }
  if (negative && r < 0.3) s.add(d.pick(['at all', 'yet', 'either']));
  else if (r < 0.3) timePhrase(s, d);
  else if (r < 0.55) {
    s.add(d.pick(['in', 'near', 'behind', 'at']));
    nounPhrase(s, d, ['building', 'place'], { depth: 0, determiner: 'the' });
  } else if (r < 0.75 && frame.subject.includes('person')) s.add(zipf(d.stream, adverbsByPlace.manner));
  else if (r < 0.85) s.add('because of the', zipf(d.stream, weatherNouns).singular);
  else {
    s.add('with');
    nounPhrase(s, d, frame.subject.includes('person') ? ['tool', 'person'] : ['event', 'nature'], { depth: 0 });
  }
}

/** A time phrase in keeping with the tense of the text. */
export function timePhrase(s: Sentence, d: Discourse): void {
  const kind = d.stream.int(4);
  if (kind === 0) s.add('on', d.pick(nameLists.weekday));
  else if (kind === 1) s.add('in', d.pick(nameLists.month));
  else if (d.tense === 'present') s.add(d.pick(['every day', 'in the morning', 'at night', 'every year', 'now', 'today']));
  else s.add(d.pick(['that night', 'the next day', 'in the morning', 'a year later', 'that evening', 'again']));
}
