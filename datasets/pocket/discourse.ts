import type { Stream } from '../../src/index';
import { genderOf, nounsByClass, zipf, type Noun, type NounClass, type Topic } from './lexicon/index';

export type Tense = 'past' | 'present';
export type Pronoun = 'he' | 'she' | 'it' | 'they' | 'i' | 'you' | 'we';

/** What a noun phrase refers to, as far as grammar asks: number for verbs, the pronoun for everything that points back. */
export interface Referent {
  readonly number: 'singular' | 'plural';
  readonly pronoun: Pronoun;
}

/** A person of a text. The pronoun is fixed at the first mention and holds to the last sentence. */
export interface Character {
  readonly name: string;
  readonly pronoun: 'he' | 'she';
  readonly role: Noun;
}

/** A thing that a text introduces once and returns to by the same words. */
export interface Thing {
  readonly adjective: string;
  readonly noun: Noun;
  readonly nounClass: NounClass;
}

/** The cases of the pronouns: subject, object, possessive determiner, reflexive. */
export const pronounForms: Readonly<Record<Pronoun, readonly [string, string, string, string]>> = {
  he: ['he', 'him', 'his', 'himself'],
  she: ['she', 'her', 'her', 'herself'],
  it: ['it', 'it', 'its', 'itself'],
  they: ['they', 'them', 'their', 'themselves'],
  i: ['i', 'me', 'my', 'myself'],
  you: ['you', 'you', 'your', 'yourself'],
  we: ['we', 'us', 'our', 'ourselves'],
};

/** The state of a text while it is written: topic, tense, people, and who was spoken of last. */
export class Discourse {
  readonly characters: Character[] = [];
  /** The subject of the sentence before: only this character may be a pronoun at the start of the next one. */
  lastSubject: Character | undefined;
  /** Characters that the reader has met: only these may be named in passing. */
  readonly introduced = new Set<Character>();
  /** Characters named in the sentence before: with two of one gender a pronoun would be ambiguous. */
  lastNamed: readonly Character[] = [];

  constructor(
    readonly stream: Stream,
    readonly tense: Tense,
    readonly topic: Topic | undefined,
  ) {}

  /** True with the given probability. */
  chance(probability: number): boolean { return this.stream.next() < probability; }

  pick<T>(items: readonly T[]): T { return this.stream.pick(items); }

  /** Takes note of a sentence that was accepted: who was its subject and who was named. */
  accept(subject: Character | undefined, named: readonly Character[]): void {
    this.lastSubject = subject;
    this.lastNamed = named;
    for (const c of named) this.introduced.add(c);
  }

  /** A class among those given, one that the topic has words for if possible. */
  nounClass(classes: readonly NounClass[]): NounClass {
    for (let attempt = 0; attempt < 4 && this.topic; attempt++) {
      const name = this.pick(classes);
      if (this.topic.nouns[name]) return name;
    }
    return this.pick(classes);
  }

  /** A noun of the class: three times in four from the topic, else by Zipf's law from the whole class. */
  noun(name: NounClass): Noun {
    const own = this.topic?.nouns[name];
    return own && this.chance(0.75) ? this.pick(own) : zipf(this.stream, nounsByClass[name]);
  }

  /** A noun of the class other than `not`. */
  otherNoun(name: NounClass, not: Noun): Noun {
    let n = this.noun(name);
    while (n === not) n = zipf(this.stream, nounsByClass[name]);
    return n;
  }

  /** The pronoun for a noun: by its gender, by chance for people of either, `it` for things. */
  pronounFor(n: Noun, name: NounClass, plural: boolean): Pronoun {
    if (plural) return 'they';
    if (name !== 'person') return 'it';
    return genderOf(n.singular) ?? (this.chance(0.5) ? 'she' : 'he');
  }
}
