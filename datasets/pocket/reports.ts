import {
  adjectivesByGroup, adverbsByPlace, frames, nameLists, numberLists, polar, verbOf, yearList, zipf, type Noun, type NounClass,
} from './lexicon/index';
import { pronounForms, type Character, type Discourse, type Referent, type Thing } from './discourse';
import { clause, infinitive, stateClause } from './clause';
import { adjectiveFor, makeCharacter, makeThing, mention, nounPhrase } from './nounPhrase';
import { largeNumber, remainder, type Step } from './quantity';
import { auxiliary, copula, finite, verbGroup } from './verbGroup';
import { Sentence } from './sentence';

const one: Referent = { number: 'singular', pronoun: 'it' };
const many: Referent = { number: 'plural', pronoun: 'they' };
const planClasses: readonly NounClass[] = ['notion', 'event'];
const leads = ['approve', 'reject', 'support', 'oppose', 'delay', 'cancel', 'launch', 'review', 'fund', 'withdraw'];
const rising = ['rise', 'increase', 'grow', 'improve', 'recover'], falling = ['fall', 'decline', 'drop'];

/** What a report is about and keeps to. */
interface Matter {
  readonly institution: Noun;
  readonly town: string;
  readonly plan: Thing;
  readonly speaker: Character;
  readonly firstName: string;
  readonly opponent: Noun;
  readonly year: string;
  readonly measured: Noun;
  readonly up: boolean;
}

/**
 * The sentences of one report in order. The institution, its town, the plan, the speaker's name and pronoun, and whether a figure went
 * up or down are fixed at the start and decide words in all later sentences.
 */
export function reportPlan(d: Discourse): Step[] {
  let firstName = '';
  const speaker = makeCharacter(d, (pronoun) => {
    firstName = d.pick(nameLists[pronoun === 'she' ? 'female' : 'male']);
    return d.pick(nameLists.family);
  });
  const matter: Matter = {
    institution: d.noun('institution'), town: d.pick(nameLists.town), plan: makeThing(d, planClasses), speaker, firstName,
    opponent: d.noun(d.chance(0.5) ? 'institution' : 'person'), year: d.pick(yearList), measured: d.noun('measure'), up: d.chance(0.5),
  };
  const countedClass = d.nounClass(['building', 'vehicle', 'device', 'document', 'person']);
  const counted = d.noun(countedClass), total = 3 + d.stream.int(8);
  const early: Step[] = [
    () => figureStep(d, matter), () => bracketStep(d, matter), () => compareStep(d, matter), () => generalStep(d), () => negativeStep(d, matter),
  ];
  const late: Step[] = [
    () => figureStep(d, matter), () => saidStep(d, matter), () => quoteStep(d, matter), () => negativeStep(d, matter), () => compareStep(d, matter),
    () => judgementStep(d, matter), () => judgementStep(d, matter), () => remainder(d, total, counted, countedClass === 'person'),
    () => generalStep(d), () => generalStep(d), () => generalStep(d), () => stateStep(d), () => numberStep(d), () => eitherStep(d),
  ];
  return [
    () => leadStep(d, matter),
    ...d.stream.shuffle(early).slice(0, d.stream.int(3)),
    () => introduceStep(d, matter),
    ...d.stream.shuffle(late).slice(0, 3 + d.stream.int(3)),
    () => closingStep(d, matter),
  ];
}

const start = (): Sentence => new Sentence();
const planned = (s: Sentence, m: Matter): Sentence => s.add('the', m.plan.adjective, m.plan.noun.singular);
const theInstitution = (s: Sentence, m: Matter): Sentence => s.add('the', m.institution.singular);

function leadStep(d: Discourse, m: Matter): Sentence {
  const s = theInstitution(start(), m).add(d.pick(['of', 'in']), m.town);
  const v = verbOf(d.pick(leads));
  if (d.chance(0.5)) verbGroup(s, d, v, one, { tense: 'present', aspect: 'perfect' });
  else finite(s, v, one, 'past');
  s.add('a', m.plan.adjective, m.plan.noun.singular, 'to');
  infinitive(s, d, frames[d.pick(['run', 'found', 'found', 'employ'])], one, d.tense, 0, false);
  if (d.chance(0.5)) s.add('on', d.pick(nameLists.weekday));
  return s.end();
}

function introduceStep(d: Discourse, m: Matter): Sentence {
  const s = start();
  s.subject = m.speaker;
  s.named.push(m.speaker);
  s.add(m.firstName, m.speaker.name, ', the', m.speaker.role.singular, 'who');
  finite(s, verbOf(d.pick(['lead', 'know', 'support'])), one, d.tense);
  theInstitution(s, m).add(',');
  saysThat(s, d);
  return s.end();
}

function saysThat(s: Sentence, d: Discourse): void {
  verbGroup(s, d, zipf(d.stream, frames.state.verbs), one, { tense: d.tense });
  s.add('that');
  clause(s, d, { depth: 0, bare: true });
}

function saidStep(d: Discourse, m: Matter): Sentence {
  const s = start();
  if (d.chance(0.4)) {
    s.add('according to', d.chance(0.5) ? m.speaker.name : `the ${m.opponent.singular}`, ',');
    clause(s, d, { depth: 1 });
    return s.end();
  }
  s.subject = m.speaker;
  mention(s, d, m.speaker, 'subject');
  saysThat(s, d);
  return s.end();
}

function quoteStep(d: Discourse, m: Matter): Sentence {
  const s = start().quote(), plural = d.chance(0.5), form = d.stream.int(3);
  const subject = plural ? many : one;
  if (form === 0) {
    const n = d.noun(d.nounClass(['measure', 'notion', 'document', 'event']));
    s.add(plural ? 'these' : 'this').mark('determiner', plural ? 'this' : 'these').add(plural ? n.plural : n.singular);
    copula(s, subject, 'present', d.chance(0.25) ? 'not' : 'none', d.chance(0.3) ? d.pick(adverbsByPlace.degree) : undefined);
    s.add(zipf(d.stream, adjectivesByGroup.notion));
  } else if (form === 1) {
    s.add('we');
    const v = zipf(d.stream, frames.govern.verbs);
    verbGroup(s, d, v, many, { tense: 'present', aspect: d.pick(['modal', 'perfect']), negation: d.chance(0.3) ? 'not' : 'none' });
    planned(s, m);
  } else {
    s.add('i');
    verbGroup(s, d, verbOf(d.pick(['think', 'believe', 'hope', 'doubt', 'expect'])), { number: 'singular', pronoun: 'i' }, { tense: 'present' });
    planned(s.add('that'), m).add('will');
    s.add(d.pick(['succeed', 'fail', 'continue', 'end', 'begin']));
    if (d.chance(0.5)) s.add('in', d.pick(nameLists.month));
  }
  s.add(',').quote();
  s.subject = m.speaker;
  s.named.push(m.speaker);
  finite(s, verbOf('say'), one, d.tense);
  return s.add(m.speaker.name).end();
}

function figureStep(d: Discourse, m: Matter): Sentence {
  const s = start().add('the', m.measured.singular, 'of the');
  s.add(d.noun(d.nounClass(['food', 'vehicle', 'device', 'building', 'institution', 'document'])).plural);
  verbGroup(s, d, verbOf(d.pick(m.up ? rising : falling)), one, { tense: d.tense });
  if (d.chance(0.5)) s.add(d.pick(adverbsByPlace.change));
  s.add(d.pick(['by', 'to']), largeNumber(d), 'percent');
  if (d.chance(0.6)) s.add('in', d.chance(0.5) ? d.pick(nameLists.month) : m.year);
  return s.end();
}

function compareStep(d: Discourse, m: Matter): Sentence {
  const s = start().add('the', m.measured.singular, 'for', d.pick(nameLists.month));
  copula(s, one, d.tense);
  if (d.chance(0.5)) s.add(d.pick(['much', 'also', 'still']));
  s.add(m.up ? 'higher' : 'lower', 'than in', m.year);
  if (d.chance(0.5)) s.add('(', largeNumber(d), d.pick(numberLists.unit), d.pick(['in all', 'at the end', 'at the start']), ')');
  return s.end();
}

/** `the number of visitors has`, `a number of visitors have`: the determiner decides the number of the verb. */
function numberStep(d: Discourse): Sentence {
  const s = start(), definite = d.chance(0.6);
  s.add(definite ? 'the' : 'a', 'number of', d.noun(d.nounClass(['person', 'vehicle', 'document', 'building'])).plural);
  if (d.chance(0.5)) {
    s.add('in the');
    s.add(d.noun('place').singular);
  }
  if (definite) {
    auxiliary(s, 'have', one, 'present');
    return s.add(d.pick(rising.concat(falling).map((b) => verbOf(b).participle)), 'since', d.pick(yearList)).end();
  }
  copula(s, many, d.tense, 'none', d.chance(0.4) ? 'still' : undefined);
  return s.add(d.pick(['late', 'important', 'dangerous', 'new', 'poor'])).end();
}

function bracketStep(d: Discourse, m: Matter): Sentence {
  const n = d.noun('event'), s = start().add('the', n.singular, '(');
  s.add('the', d.pick(numberLists.ordinal), d.chance(0.5) ? 'since' : 'of its kind since', m.year, ')');
  verbGroup(s, d, zipf(d.stream, frames.occur.verbs), one, { tense: d.tense, negation: d.chance(0.2) ? 'not' : 'none' });
  if (d.chance(0.6)) s.add('on', d.pick(nameLists.weekday));
  else s.add('because of the', d.otherNoun('event', n).singular);
  return s.end();
}

function negativeStep(d: Discourse, m: Matter): Sentence {
  const s = start(), form = d.stream.int(3);
  if (form === 0) {
    theInstitution(s, m);
    auxiliary(s, 'have', one, 'present');
    s.add('not said whether');
    clause(s, d, { depth: 0, bare: true, licensed: true });
    return s.end();
  }
  if (form === 1) {
    s.add(d.pick(['none of the', 'hardly any', 'not all of the']), d.noun('person').plural);
    finite(s, verbOf(d.pick(['support', 'oppose', 'expect', 'discuss', 'welcome'])), many, d.tense);
    return planned(s, m).end();
  }
  theInstitution(s, m);
  verbGroup(s, d, zipf(d.stream, frames.govern.verbs), one, { tense: d.tense, negation: 'not' });
  planned(s, m);
  s.add(', nor');
  auxiliary(s, 'do', one, d.tense);
  s.add('it', zipf(d.stream, frames.run.verbs).base);
  s.add('any', d.noun(d.nounClass(['building', 'vehicle', 'device'])).plural);
  return s.end();
}

function eitherStep(d: Discourse): Sentence {
  const s = start(), name = d.nounClass(['person', 'institution']), plural = d.chance(0.5), both = d.chance(0.5);
  const a = d.noun(name), b = d.otherNoun(name, a), form = (n: Noun): string => (plural ? n.plural : n.singular);
  s.add(both ? 'both the' : 'neither the', form(a), both ? 'and the' : 'nor the', form(b));
  auxiliary(s, 'have', both || plural ? many : one, 'present');
  s.add(zipf(d.stream, frames.govern.verbs).participle);
  nounPhrase(s, d, planClasses, { depth: 1, negative: !both });
  return s.end();
}

function judgementStep(d: Discourse, m: Matter): Sentence {
  const s = start(), sign = d.chance(0.5) ? 'positive' : 'negative', form = d.stream.int(3);
  if (form === 0) {
    s.add('the', m.opponent.plural);
    verbGroup(s, d, verbOf('call'), many, { tense: d.tense, negation: d.chance(0.2) ? 'not' : 'none' });
    planned(s, m);
    return s.add(zipf(d.stream, polar.adjective[sign])).end();
  }
  s.subject = m.speaker;
  const subject = mention(s, d, m.speaker, 'subject');
  if (form === 1) {
    finite(s, zipf(d.stream, polar.judge[sign]), subject, d.tense);
    planned(s, m).add(', but the', m.opponent.singular);
    finite(s, verbOf('call'), one, d.tense);
    return s.add('it a', zipf(d.stream, polar.isA[d.chance(0.8) ? (sign === 'positive' ? 'negative' : 'positive') : sign]).singular).end();
  }
  verbGroup(s, d, verbOf('say'), subject, { tense: d.tense });
  planned(s.add('that'), m);
  verbGroup(s, d, zipf(d.stream, polar.affect[sign]), one, { tense: d.tense, negation: d.chance(0.3) ? 'not' : 'none' });
  return s.add('the', d.noun('person').plural).end();
}

function generalStep(d: Discourse): Sentence {
  const s = start();
  if (d.chance(0.2)) s.add(d.pick(['however', 'therefore', 'meanwhile', 'nevertheless', 'instead', 'apparently']), ',');
  clause(s, d, { depth: 2 });
  if (d.chance(0.3)) {
    s.add(d.pick([', while', 'because', ', although']));
    clause(s, d, { depth: 0, bare: true });
  }
  return s.end();
}

function stateStep(d: Discourse): Sentence {
  const s = start();
  stateClause(s, d, { depth: 2 });
  return s.end();
}

function closingStep(d: Discourse, m: Matter): Sentence {
  const s = start(), form = d.stream.int(3);
  if (form === 0) {
    theInstitution(s, m).add('will', zipf(d.stream, frames.govern.verbs).base);
    return planned(s, m).add(d.pick(['again on', 'on', 'before']), d.pick(nameLists.weekday)).end();
  }
  if (form === 1) {
    s.subject = m.speaker;
    const subject = mention(s, d, m.speaker, 'subject');
    verbGroup(s, d, verbOf('expect'), subject, { tense: d.tense });
    return planned(s, m).add('to', d.pick(['end', 'begin', 'continue', 'fail']), 'in', d.pick(nameLists.month)).end();
  }
  s.add('the people of', m.town);
  verbGroup(s, d, verbOf('wait'), many, { tense: d.tense, negation: d.chance(0.3) ? 'not' : 'none' });
  return s.add('for', 'a', adjectiveFor(d, 'notion'), 'answer from', pronounForms.they[2], m.institution.singular).end();
}
