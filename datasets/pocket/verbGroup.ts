import type { Verb } from './lexicon/index';
import type { Discourse, Referent, Tense } from './discourse';
import type { Sentence } from './sentence';

export type Aspect = 'simple' | 'perfect' | 'progressive' | 'modal';
export type Negation = 'none' | 'not' | 'never' | 'hardly';

/** How a finite verb group is built. */
export interface VerbGroupOptions {
  readonly tense: Tense;
  readonly aspect?: Aspect;
  readonly negation?: Negation;
  /** An adverb for the middle of the group: `has already finished`. */
  readonly adverb?: string;
  readonly passive?: boolean;
  /** No outer negation, question or condition licenses `ever`; only then may a site be marked for it. */
  readonly unlicensed?: boolean;
}

const modals = { past: ['could', 'would', 'might', 'could'], present: ['can', 'will', 'may', 'must', 'should'] } as const;
const irregular = (v: Verb): boolean => v.past !== v.participle;

/** Verbs of state, which take no progressive. */
const stative = new Set(`want need own know love hate like believe hope remember forget doubt mean contain belong trust fear admire expect see hear
  keep think deny admit feel dislike despise adore show suggest prove indicate please impress`.split(/\s+/));

/** True where a present verb takes -s. */
export const isThirdSingular = (r: Referent): boolean => r.number === 'singular' && r.pronoun !== 'i' && r.pronoun !== 'you';

/** The finite form of `be`, `have` or `do` for a subject, with the agreement site marked. */
export function auxiliary(s: Sentence, base: 'be' | 'have' | 'do', subject: Referent, tense: Tense): void {
  const third = isThirdSingular(subject);
  if (base === 'be') {
    if (subject.pronoun === 'i') s.add(tense === 'past' ? 'was' : 'am').mark('agreement', tense === 'past' ? 'were' : 'are');
    else if (tense === 'past') s.add(third ? 'was' : 'were').mark('agreement', third ? 'were' : 'was');
    else s.add(third ? 'is' : 'are').mark('agreement', third ? 'are' : 'is');
  } else if (base === 'have') {
    if (tense === 'past') s.add('had');
    else s.add(third ? 'has' : 'have').mark('agreement', third ? 'have' : 'has');
  } else if (tense === 'past') s.add('did');
  else s.add(third ? 'does' : 'do').mark('agreement', third ? 'do' : 'does');
}

/** A finite main verb: `walks`, `walk`, `walked`. */
export function finite(s: Sentence, v: Verb, subject: Referent, tense: Tense): void {
  if (tense === 'past') {
    s.add(v.past);
    if (irregular(v) && v.participle !== v.base) s.mark('form', v.participle);
  } else {
    const third = isThirdSingular(subject);
    s.add(third ? v.third : v.base);
    // `hurt` is also the past of `hurts`, so the exchange would be no mistake
    if (!third || v.base !== v.past) s.mark('agreement', third ? v.base : v.third);
  }
}

/** A whole verb group: auxiliaries, negation, adverb and the main verb in its form. */
export function verbGroup(s: Sentence, d: Discourse, v: Verb, subject: Referent, options: VerbGroupOptions): void {
  const { tense, negation = 'none', passive = false } = options;
  const aspect = options.aspect === 'progressive' && stative.has(v.base) ? 'simple' : options.aspect ?? 'simple';
  const middle = (): void => {
    if (negation !== 'none') s.add(negation);
    if (negation === 'hardly' && aspect === 'perfect') s.add('ever');
    if (options.adverb) {
      s.add(options.adverb);
      if (options.unlicensed && negation === 'none' && (options.adverb === 'already' || options.adverb === 'often')) s.mark('polarity', 'ever');
    }
  };
  const last = (form: 'base' | 'participle' | 'gerund'): void => {
    if (!passive) {
      s.add(v[form]);
      if (form === 'participle' && irregular(v) && v.past !== v.base) s.mark('form', v.past);
      if (form === 'base' && v.past !== v.base) s.mark('form', v.past);
    } else s.add(form === 'base' ? 'be' : form === 'participle' ? 'been' : 'being', v.participle);
  };
  if (aspect === 'perfect') { auxiliary(s, 'have', subject, tense); middle(); last('participle'); }
  else if (aspect === 'progressive') { auxiliary(s, 'be', subject, tense); middle(); last('gerund'); }
  else if (aspect === 'modal') {
    s.add(d.pick(modals[tense]));
    middle();
    last('base');
  } else if (passive) { auxiliary(s, 'be', subject, tense); middle(); s.add(v.participle); }
  else if (negation === 'not') { auxiliary(s, 'do', subject, tense); middle(); last('base'); }
  else { middle(); finite(s, v, subject, tense); }
}

/** The copula with its negation and adverb. */
export function copula(s: Sentence, subject: Referent, tense: Tense, negation: Negation = 'none', adverb?: string): void {
  auxiliary(s, 'be', subject, tense);
  if (negation !== 'none') s.add(negation);
  if (adverb) s.add(adverb);
}
