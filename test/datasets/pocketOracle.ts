// Readers of the pocket text that know nothing of its grammar: word lists and rules of their own.
import type { Example } from '../../src/index';

/** Lower-case words and marks, as BERT's tokenizer parts them. */
export const wordsOf = (text: string): string[] => text.toLowerCase().match(/[a-z0-9]+|[^\sa-z0-9]/g) ?? [];

/** The sentences of a line, lower-case: cut after a final mark (and quotation mark) before a capital or an opening quotation. */
export const sentencesOf = (line: string): string[] => line.split(/(?<=[.?]"?)\s+(?=["A-Z])/).map((s) => s.toLowerCase());

const singular = new Set(`man woman child friend teacher farmer doctor boy girl neighbour worker student captain driver king queen guard soldier sailor nurse
  key lantern rope lamp hammer knife axe box bag basket bottle cup jar barrel table chair bed shelf bench mirror ring coin sword crown jewel
  machine clock radio camera computer boat ship cart train bus car truck house school castle tower hospital library shop village town forest
  river road bridge garden street island mountain lake door window wall roof gate room kitchen apple cake pie loaf potato tree flower leaf
  coat hat shoe scarf book letter report map story newspaper council committee company party company price cost tax rate dog cat horse wolf
  mouse fox goose pig goat lawyer judge officer minister member expert`.trim().split(/\s+/));
const irregular: Record<string, string> = {
  men: 'man', women: 'woman', children: 'child', knives: 'knife', shelves: 'shelf', loaves: 'loaf', leaves: 'leaf', scarves: 'scarf',
  wolves: 'wolf', mice: 'mouse', geese: 'goose', thieves: 'thief',
};
const plural = new Set([...Object.keys(irregular), ...[...singular].map((w) => /(s|x|z|ch|sh|to)$/.test(w) ? `${w}es` : /[^aeiou]y$/.test(w) ? `${w.slice(0, -1)}ies` : `${w}s`)]);
const determiners = new Set('the a an this that these those every each many several both some two three four five six seven eight nine ten'.split(' '));
const prepositions = new Set('of in on near behind under from to with about beside over'.split(' '));
const singularVerbs = new Set(['is', 'was', 'has', 'does']), pluralVerbs = new Set(['are', 'were', 'have', 'do']);

/**
 * Checks the first verb against the head of a sentence of the shape determiner, up to two words, head, modifiers by preposition,
 * perhaps a relative clause of its own subject, auxiliary. Sentences of other shapes are left out.
 */
export function agreementErrors(sentences: readonly string[]): { checked: number; attracted: number; errors: string[] } {
  let checked = 0, attracted = 0;
  const errors: string[] = [];
  for (const sentence of sentences) {
    const words = wordsOf(sentence), shape = words.map((w) =>
      determiners.has(w) ? 'D' : singular.has(w) ? 'n' : plural.has(w) ? 'N' : prepositions.has(w) ? 'P'
        : singularVerbs.has(w) ? 'v' : pluralVerbs.has(w) ? 'V' : w === 'who' || w === 'that' ? 'R' : /^[a-z]+$/.test(w) ? 'x' : '.').join('');
    const match = /^D(x{0,2})([nN])((?:PD?x{0,1}[nN])*)((?:[RD]Dx?[nN]x)?)([vV])/.exec(shape);
    if (!match) continue;
    const head = match[2], verb = match[5], before = [...match[3] + match[4]].filter((c) => c === 'n' || c === 'N').pop();
    if (['some', 'both', 'many', 'several'].includes(words[0]) && words[1] === 'of') continue;
    checked++;
    if (before && before !== head) attracted++;
    if ((head === 'n') !== (verb === 'v')) errors.push(sentence);
  }
  return { checked, attracted, errors };
}

const praise = new Set(`good great brilliant charming wonderful delightful superb moving clever elegant honest fresh memorable gripping graceful splendid lovely
  excellent impressive convincing witty tender thrilling satisfying pleasant beautiful remarkable admirable rewarding enjoyable lively magnificent perfect
  touching intelligent subtle powerful fascinating charm wit grace warmth energy depth imagination humour beauty intelligence skill originality courage`.trim().split(/\s+/));
const blame = new Set(`bad dull terrible boring awful weak clumsy tedious dreadful poor shallow stale bland silly lazy ugly horrible predictable pointless forgettable
  tiresome messy flat hollow disappointing annoying painful pretentious stupid miserable ridiculous lifeless dreary mediocre unbearable crude hopeless
  nonsense noise vanity confusion boredom clumsiness laziness stupidity cruelty`.trim().split(/\s+/));
const turning = /\b(not(?! only)|never|hardly|lacks?|lacked|fails?|failed|refuses?|refused|without|far from|anything but|free of|by no means|neither|contains? no|contained no)\b/g;

/**
 * The judgement of a plain sentence as a reader finds it: the sign of its one polar word (or of several of one sign), turned round by each
 * negation. Undefined for sentences with more clauses, reports, comparisons, conditions, or words of both signs.
 */
export function judgementOf(text: string): { label: number; turns: number } | undefined {
  const lower = text.toLowerCase();
  if (/\b(although|though|however|while|but(?! also)|despite|unlike|that|which|who|than|would|could|might|cannot|will|call|say|says|said|expected|promised|nobody|none|any|(?:by|of) the (?:[a-z]+ )?(?:director|writer|singer|actor|poet|painter|musician|cook|dancer))\b/.test(lower.replace('anything but', 'anything_but'))) return undefined;
  const words = wordsOf(lower), good = words.filter((w) => praise.has(w)).length, bad = words.filter((w) => blame.has(w)).length;
  if ((good > 0) === (bad > 0)) return undefined;
  const turns = (lower.match(turning) ?? []).length;
  return { label: turns % 2 === 0 ? Number(good > 0) : Number(bad > 0), turns };
}

/** Dev accuracy of logistic regression on word counts, trained by full passes of stochastic gradient descent with a falling rate. */
export function bagOfWordsAccuracy(train: readonly Example[], dev: readonly Example[]): number {
  const index = new Map<string, number>();
  const features = (text: string, grow: boolean): number[] => wordsOf(text).flatMap((w) => {
    if (!index.has(w) && grow) index.set(w, index.size);
    const i = index.get(w);
    return i === undefined ? [] : [i];
  });
  const rows = train.map((e) => features(e.text, true)), weights = new Float64Array(index.size);
  let bias = 0;
  const margin = (row: readonly number[]): number => row.reduce((sum, i) => sum + weights[i], bias);
  for (let epoch = 0; epoch < 12; epoch++) {
    const rate = 0.05 / (1 + epoch);
    rows.forEach((row, r) => {
      const error = train[r].label - 1 / (1 + Math.exp(-margin(row)));
      bias += rate * error;
      for (const i of row) weights[i] += rate * (error - 1e-4 * weights[i]);
    });
  }
  return dev.filter((e) => Number(margin(features(e.text, false)) > 0) === e.label).length / dev.length;
}
