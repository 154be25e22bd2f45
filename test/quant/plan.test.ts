import assert from 'node:assert/strict';
import { activationDefaults, describePlan, makePlan, withFixed, type PlanOptions } from '../../src/quant/plan';

const layer = (i: number) => [
  { weight: `m.layers.${i}.q.weight`, site: `m.layers.${i}.in` }, { weight: `m.layers.${i}.fc2.weight`, site: `m.layers.${i}.fc2`, oneSided: true },
];
const model = {
  shapes: { emb: [8, 4], 'm.project.weight': [4, 4], ...Object.fromEntries([0, 1, 2].flatMap((i) => [[`m.layers.${i}.q.weight`, [4, 4]], [`m.layers.${i}.fc2.weight`, [4, 4]]])) },
  linears: [{ weight: 'm.project.weight', site: 'm.project' }, ...[0, 1, 2].flatMap(layer)], probabilities: [0, 1, 2].map((i) => `m.layers.${i}.probabilities`), wordEmbedding: 'emb',
};
const options: PlanOptions = { weights: 2, activations: 8, grid: 'stretched', scale: 'mse', granularity: 'row', learned: true, embeddings: 'none', rules: {} };
const plan = (changes: Partial<PlanOptions> = {}, activation: Partial<PlanOptions['activation']> = {}) => makePlan(model, { ...options, ...changes, activation: { ...activationDefaults, ...activation } });
const widths = (p: ReturnType<typeof plan>) => Object.fromEntries(Object.entries(p.weights).map(([n, { bits }]) => [n, bits]));

describe('quant/plan', () => {
  it('without wishes for activations a plan says nothing of them: old plans and new ones are the same', () => {
    assert.deepEqual(plan(), makePlan(model, options));
    assert.deepEqual(Object.keys(plan()), ['weights', 'sites', 'activationBits']);
    assert.deepEqual(plan().sites, ['m.project', ...[0, 1, 2].flatMap((i) => [`m.layers.${i}.in`, `m.layers.${i}.fc2`])]);
  });

  it('mixed precision by name: the last rule that matches wins, groups and widths per layer', () => {
    const p = plan({ rules: { '*.q.weight': { bits: 4, grid: 'symmetric' }, 'm.layers.1.*': { bits: 3, granularity: { group: 2 } }, 'm.layers.2.fc2.weight': 'full' } });
    assert.deepEqual(widths(p), { 'm.project.weight': 2, 'm.layers.0.q.weight': 4, 'm.layers.0.fc2.weight': 2, 'm.layers.1.q.weight': 3, 'm.layers.1.fc2.weight': 3, 'm.layers.2.q.weight': 4 });
    assert.equal(p.weights['m.layers.1.q.weight'].grid, 'symmetric');
    assert.ok(!p.sites.includes('m.layers.2.fc2'), 'the input of a full-precision layer is left alone');
    assert.throws(() => plan({ rules: { 'x.*': 'full' } }), /rule "x\.\*" matches no quantized weight: names look like m\.project\.weight/);
    assert.throws(() => plan({ rules: { '*': 8 as never } }), /give "full" or changes such as \{"bits":8\}, not 8/);
    assert.throws(() => plan({ rules: { '*': { bits: 5 as never } } }), /5 bits: weights take 2, 3, 4 or 8/);
  });

  it('ends: the first and the last layer, and projections outside the layers', () => {
    const eight = plan({ ends: '8' }), none = plan({ ends: 'none' });
    assert.deepEqual(widths(eight), { 'm.project.weight': 8, 'm.layers.0.q.weight': 8, 'm.layers.0.fc2.weight': 8, 'm.layers.1.q.weight': 2, 'm.layers.1.fc2.weight': 2, 'm.layers.2.q.weight': 8, 'm.layers.2.fc2.weight': 8 });
    assert.ok(eight.weights['m.layers.0.q.weight'].learned && eight.weights['m.layers.0.q.weight'].grid === 'symmetric');
    assert.deepEqual(Object.keys(none.weights), ['m.layers.1.q.weight', 'm.layers.1.fc2.weight']);
    assert.equal(plan({ ends: '8', rules: { '*.0.*': { bits: 4 } } }).weights['m.layers.0.q.weight'].bits, 4, 'rules have the last word');
  });

  it('activations: static, one-sided, probabilities, rules by site', () => {
    const p = plan({}, { range: 'static', scale: 'percentile', percentile: 0.99, oneSided: 'asymmetric', probabilities: true, rules: { 'm.project': 'full', '*.0.in': { granularity: 'row', scale: 'absmax' } } });
    assert.deepEqual(p.activations!['m.layers.1.fc2'], { bits: 8, granularity: 'tensor', grid: 'asymmetric', scale: 'percentile', learned: false, percentile: 0.99 });
    assert.equal(p.activations!['m.layers.1.in'].grid, 'symmetric');
    assert.equal(p.activations!['m.layers.2.probabilities'].grid, 'asymmetric');
    assert.ok(!p.sites.includes('m.project') && p.sites.includes('m.layers.0.probabilities'));
    assert.ok(!('m.layers.0.in' in p.activations!), 'that one is plain again');
    assert.throws(() => plan({}, { rules: { nowhere: 'full' } }), /rule "nowhere" matches no quantized site: names look like m\.project/);
    assert.throws(() => plan({}, { rules: { '*': { grid: 'stretched' } } }), /activations at m\.project: the grid is symmetric or asymmetric/);
    assert.deepEqual(plan({ activations: null }, { range: 'static' }).activations, undefined, 'A16 leaves activations alone');
    assert.match(describePlan(p).join('\n'), /inputs of 3 sites: 8 bits, asymmetric, static, scale percentile 99\n|inputs of 6 sites: 8 bits, asymmetric, static, scale percentile 99/);
    assert.match(describePlan(p).join('\n'), /inputs of 1 site: 8 bits, dynamic per token/);
    const fixed = withFixed(p, { 'm.layers.1.in': { scale: 0.5, zero: 0 } });
    assert.deepEqual(fixed.activations!['m.layers.1.in'].fixed, { scale: 0.5, zero: 0 });
    assert.equal(p.activations!['m.layers.1.in'].fixed, undefined, 'plans are not changed');
  });
});
