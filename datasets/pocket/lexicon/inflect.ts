/** The five forms of an English verb. */
export interface Verb {
  readonly base: string;
  readonly third: string;
  readonly past: string;
  readonly participle: string;
  readonly gerund: string;
}

/** A noun with its plural; mass nouns have the same word in both places and `mass` set. */
export interface Noun {
  readonly singular: string;
  readonly plural: string;
  readonly mass: boolean;
}

const sibilant = /(s|x|z|ch|sh)$/;
const consonantY = /[^aeiou]y$/;

/**
 * Adds the -s of plural nouns and third-person verbs.
 * @example addS('city') // 'cities'
 */
export function addS(word: string): string {
  if (sibilant.test(word)) return word + 'es';
  if (consonantY.test(word)) return word.slice(0, -1) + 'ies';
  return word + 's';
}

/**
 * A noun from its entry in the lexicon: `key` by rule or `child:children`.
 * @example noun('leaf:leaves').plural // 'leaves'
 */
export function noun(entry: string): Noun {
  const [singular, plural] = entry.split(':');
  return { singular, plural: plural ?? addS(singular), mass: false };
}

/** A mass noun: no plural, no indefinite article. */
export function massNoun(word: string): Noun {
  return { singular: word, plural: word, mass: true };
}

/**
 * A verb from its entry in the lexicon: `walk`, `stop+` (doubled consonant), `run+:ran:run` (irregular past and participle).
 * @example verb('hide:hid:hidden').gerund // 'hiding'
 */
export function verb(entry: string): Verb {
  const [marked, past, participle] = entry.split(':');
  const base = marked.replace('+', '');
  const stem = marked.endsWith('+') ? base + base[base.length - 1] : base;
  const regular = stem.endsWith('e') ? stem + 'd' : consonantY.test(stem) ? stem.slice(0, -1) + 'ied' : stem + 'ed';
  const third = /[^aeiou]o$/.test(base) ? base + 'es' : addS(base);
  return { base, third, past: past ?? regular, participle: participle ?? past ?? regular, gerund: gerundOf(stem) };
}

function gerundOf(stem: string): string {
  if (stem.endsWith('ie')) return stem.slice(0, -2) + 'ying';
  if (stem.endsWith('e') && !/(ee|oe|ye)$/.test(stem)) return stem.slice(0, -1) + 'ing';
  return stem + 'ing';
}
