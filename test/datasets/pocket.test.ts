import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { minimalPairs, POCKET_TASKS, pocketTask, pocketText, pocketVocabulary, writePocketTokenizer, type Family, type Split } from '../../datasets/pocket';
import { loadTokenizer } from '../../src/index';
import { agreementErrors, bagOfWordsAccuracy, judgementOf, sentencesOf, wordsOf } from './pocketOracle';

const splits: readonly Split[] = ['train', 'dev', 'test'];
const families: readonly Family[] = ['tales', 'reports'];
const sha256 = (lines: readonly string[]): string => createHash('sha256').update(lines.join('\n')).digest('hex').slice(0, 16);
const firstPairs = (count: number) => {
  const pairs = [];
  for (const pair of minimalPairs('test')) { pairs.push(pair); if (pairs.length === count) break; }
  return pairs;
};

describe('pocket text', function () {
  this.timeout(120_000);
  const train = pocketTask('pocket-sentiment', 'train', 20_000).examples;
  const dev = pocketTask('pocket-sentiment', 'dev').examples;
  const text = Object.fromEntries(families.map((family) => [family,
    Object.fromEntries(splits.map((split) => [split, pocketText(family, split, split === 'train' ? 400_000 : undefined)]))])) as Record<Family, Record<Split, string[]>>;

  it('is the same on every machine', () => {
    const found = {
      sentiment: sha256(train.slice(0, 500).map((e) => `${e.label} ${e.text}`)),
      acceptability: sha256(pocketTask('pocket-acceptability', 'dev', 500).examples.map((e) => `${e.label} ${e.text}`)),
      tales: sha256(text.tales.test), reports: sha256(text.reports.test), vocabulary: sha256(pocketVocabulary()),
    };
    assert.deepEqual(found, JSON.parse(readFileSync(join(__dirname, '..', 'fixtures', 'pocket-hashes.json'), 'utf8')));
    assert.deepEqual(pocketTask('pocket-sentiment', 'dev', 40).examples, dev.slice(0, 40), 'a longer list must begin with the shorter one');
  });

  it('has a closed vocabulary of whole words, one id each', () => {
    const vocabulary = pocketVocabulary(), known = new Set(vocabulary);
    assert.equal(known.size, vocabulary.length);
    assert.ok(vocabulary.length > 2900 && vocabulary.length <= 3200, `${vocabulary.length} tokens`);
    assert.deepEqual(vocabulary.slice(0, 5), ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]']);
    const everything = [...families.flatMap((f) => splits.flatMap((s) => text[f][s])), ...train.map((e) => e.text), ...firstPairs(1000).flatMap((p) => [p.acceptable, p.unacceptable])];
    const unknown = new Set(everything.flatMap(wordsOf).filter((w) => !known.has(w)));
    assert.deepEqual([...unknown], []);
    const dir = mkdtempSync(join(tmpdir(), 'pocket-'));
    try {
      writePocketTokenizer(dir);
      const tokenizer = loadTokenizer(dir);
      assert.equal(tokenizer.vocabSize, vocabulary.length);
      for (const line of everything.slice(0, 300)) assert.deepEqual(tokenizer.encode(line).map((id) => vocabulary[id]), wordsOf(line));
      assert.deepEqual(tokenizer.encodePair('The old film.', undefined, 8).ids.map((id) => vocabulary[id]), ['[CLS]', 'the', 'old', 'film', '.', '[SEP]']);
    } finally { rmSync(dir, { recursive: true }); }
  });

  it('uses nearly all of its words, by a Zipf-like law', () => {
    const counts = new Map<string, number>();
    for (const line of [...text.tales.train, ...text.reports.train, ...train.map((e) => e.text)]) for (const w of wordsOf(line)) counts.set(w, (counts.get(w) ?? 0) + 1);
    assert.ok(counts.size > 2700, `${counts.size} words occur`);
    const ranked = [...counts.values()].sort((a, b) => b - a), total = ranked.reduce((a, b) => a + b, 0);
    const share = (n: number): number => ranked.slice(0, n).reduce((a, b) => a + b, 0) / total;
    assert.ok(share(100) > 0.4 && share(100) < 0.75 && share(1000) > 0.8 && share(1000) < 0.98, `the first 100 words are ${share(100)}, the first 1000 ${share(1000)}`);
  });

  it('shares no sentence between splits, families and tasks', () => {
    const sets = new Map<string, Set<string>>();
    for (const f of families) for (const s of splits) sets.set(`${f} ${s}`, new Set(text[f][s].flatMap(sentencesOf)));
    for (const s of splits) sets.set(`sentiment ${s}`, new Set((s === 'train' ? train : pocketTask('pocket-sentiment', s).examples).map((e) => e.text.toLowerCase())));
    const names = [...sets.keys()];
    for (const [i, a] of names.entries()) for (const b of names.slice(i + 1)) {
      const both = [...sets.get(a)!].filter((x) => sets.get(b)!.has(x));
      assert.deepEqual(both.slice(0, 3), [], `${a} and ${b}`);
    }
    for (const name of names.filter((n) => n.endsWith('test'))) assert.ok(sets.get(name)!.size >= 1000, `${name}: ${sets.get(name)!.size} sentences`);
  });

  it('closes what it opens, starts with a capital and ends with a mark', () => {
    for (const f of families) for (const line of text[f].dev) {
      assert.equal((line.match(/"/g) ?? []).length % 2, 0, line);
      assert.equal((line.match(/\(/g) ?? []).length, (line.match(/\)/g) ?? []).length, line);
      assert.match(line, /^["A-Z].*[.?]$/);
      assert.doesNotMatch(line, /\ba (?!one\b|uni|use)[aeiou]|\ban [^aeiouh]|\s[.,?)]|\s\s/i, line);
    }
  });

  it('agrees in number across modifiers and relative clauses', () => {
    const sentences = families.flatMap((f) => splits.flatMap((s) => text[f][s])).flatMap(sentencesOf);
    const { checked, attracted, errors } = agreementErrors(sentences);
    assert.deepEqual(errors.slice(0, 5), []);
    assert.ok(checked > 1000 && attracted > 60, `${checked} checked, ${attracted} with a noun of the other number before the verb`);
    const broken = agreementErrors(firstPairs(4000).filter((p) => p.kind === 'agreement').map((p) => p.unacceptable.toLowerCase()));
    assert.ok(broken.checked > 200 && broken.errors.length > 0.97 * broken.checked, `the checker sees ${broken.errors.length} of ${broken.checked} broken sentences`);
  });

  it('keeps the tense of a tale outside quotations', () => {
    for (const line of text.tales.dev) {
      const words = new Set(wordsOf(line.replace(/"[^"]*"/g, ' ')));
      const present = ['is', 'are', 'has', 'does'].filter((w) => words.has(w)), past = ['was', 'were', 'had', 'did'].filter((w) => words.has(w));
      assert.ok(!present.length || !past.length, `${present} and ${past}: ${line}`);
    }
  });

  it('keeps gender, names and numbers from the first sentence to the last', () => {
    let reflexives = 0, sums = 0, towns = 0;
    const value = ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten'];
    for (const line of text.tales.train) {
      for (const [, name, pronoun] of line.matchAll(/(?:^|[.] )([A-Z][a-z]+) (?:[a-z]+ ){1,3}(himself|herself)\./g)) {
        const feminine = new Set(['Anna', 'Clara', 'Mary', 'Ellen', 'Sarah', 'Julia', 'Martha', 'Helen', 'Emma', 'Alice', 'Eva', 'Maria']);
        const masculine = new Set(['John', 'Peter', 'Thomas', 'Paul', 'Martin', 'David', 'Simon', 'Oscar', 'Henry', 'Jacob', 'Adam', 'Daniel']);
        if (feminine.has(name)) assert.equal(pronoun, 'herself', line);
        if (masculine.has(name)) assert.equal(pronoun, 'himself', line);
        reflexives += Number(feminine.has(name) || masculine.has(name));
      }
      const sum = /Of the (\w+) (\w+), (\w+) [^.]* the other(?: (\w+))? (?:is|are|was|were) /.exec(line);
      if (sum) {
        const rest = value.includes(sum[4]) ? value.indexOf(sum[4]) : 1;
        assert.equal(value.indexOf(sum[3]) + rest, value.indexOf(sum[1]), sum[0]);
        assert.ok(line.includes(`${sum[1]} ${sum[2]}`), line);
        sums++;
      }
      const town = /(?:[Pp]eople of|everybody in) ([A-Z]\w+)/.exec(line);
      if (town) assert.ok(line.split(town[1]).length > 2, line), towns++;
    }
    assert.ok(reflexives >= 5 && sums > 50 && towns > 200, `${reflexives} reflexives, ${sums} sums, ${towns} towns`);
  });
});

describe('pocket sentiment', function () {
  this.timeout(120_000);
  const train = pocketTask('pocket-sentiment', 'train', 20_000).examples;
  const dev = pocketTask('pocket-sentiment', 'dev').examples;

  it('is balanced, of 8 to 28 tokens, without repetitions', () => {
    for (const examples of [train, dev]) {
      assert.equal(examples.filter((e) => e.label === 1).length, examples.length / 2);
      assert.equal(new Set(examples.map((e) => e.text)).size, examples.length);
    }
    const lengths = train.map((e) => wordsOf(e.text).length);
    assert.ok(Math.min(...lengths) >= 8 && Math.max(...lengths) <= 28);
  });

  it('cannot be solved by counting words', () => {
    const accuracy = bagOfWordsAccuracy(train, dev);
    console.log(`      bag-of-words logistic regression: ${(100 * accuracy).toFixed(1)}`);
    assert.ok(accuracy > 0.65 && accuracy < 0.78, `accuracy ${accuracy}`);
  });

  it('turns the label with every negation', () => {
    let plain = 0, negated = 0, twice = 0;
    for (const { text, label } of train) {
      const judged = judgementOf(text);
      if (!judged) continue;
      assert.equal(judged.label, label, text);
      if (judged.turns === 0) plain++;
      else if (judged.turns === 1) negated++;
      else twice++;
    }
    assert.ok(plain > 1000 && negated > 400 && twice > 100, `${plain} plain, ${negated} negated, ${twice} twice negated`);
  });
});

describe('pocket acceptability', () => {
  it('gives pairs that differ in one word', () => {
    const kinds = new Map<string, number>();
    for (const { acceptable, unacceptable, kind } of firstPairs(3000)) {
      const a = wordsOf(acceptable), b = wordsOf(unacceptable);
      assert.equal(a.length, b.length);
      assert.equal(a.filter((w, i) => w !== b[i]).length, 1, `${acceptable} | ${unacceptable}`);
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    }
    for (const kind of ['agreement', 'determiner', 'form', 'reflexive', 'polarity']) assert.ok((kinds.get(kind) ?? 0) >= 10, `${kind}: ${kinds.get(kind)}`);
  });

  it('is balanced', () => {
    const { examples } = pocketTask('pocket-acceptability', 'dev', 400);
    assert.equal(examples.filter((e) => e.label === 1).length, 200);
  });
});

describe('pocket README', () => {
  it('quotes real sentences', () => {
    const readme = readFileSync(join(__dirname, '..', '..', 'datasets', 'pocket', 'README.md'), 'utf8');
    const quoted = (readme.match(/(?:^> .*\n)+/gm) ?? []).map((block) => block.replace(/^> /gm, '').trim().replace(/\n/g, ' '));
    const lines = new Set(families.flatMap((f) => pocketText(f, 'test')));
    assert.equal(quoted.length, 2);
    for (const text of quoted) assert.ok(lines.has(text), text);
    const examples = new Map(pocketTask('pocket-sentiment', 'test').examples.map((e) => [e.text, e.label]));
    const labelled = [...readme.matchAll(/^([01])  (.*)$/gm)];
    assert.equal(labelled.length, 4);
    for (const [, label, text] of labelled) assert.equal(examples.get(text), Number(label), text);
  });
});

describe('pocket data, asked wrongly', () => {
  it('says what there is', () => {
    const code = (f: () => unknown, expected: string, message: RegExp): void => assert.throws(f, (e: Error & { code?: string }) => e.code === expected && message.test(e.message));
    code(() => pocketTask('pocket-tales' as 'pocket-sentiment', 'dev'), 'usage', /pocket-sentiment or pocket-acceptability/);
    code(() => pocketTask('pocket-sentiment', 'valid' as Split), 'usage', /train, dev or test/);
    code(() => pocketText('songs' as Family, 'dev'), 'usage', /tales or reports/);
    code(() => pocketText('tales', 'dev', 0), 'range', /from 1 on/);
    code(() => pocketTask('pocket-sentiment', 'dev', 1.5), 'range', /whole number/);
    assert.deepEqual(POCKET_TASKS.map((t) => t.name), ['pocket-sentiment', 'pocket-acceptability', 'pocket-tales', 'pocket-reports']);
  });
});
