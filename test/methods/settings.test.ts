import assert from 'node:assert/strict';
import { quantizeCommand } from '../../src/commands/quantize';
import { accepts, checkConfig, flatten, SETTINGS } from '../../src/methods/check';
import { samSga } from '../../src/methods/samSga';
import { applySettings } from '../../src/methods/settings';
import { activationDefaults } from '../../src/quant/plan';
import { METHODS, planDefaults, settablePlan } from '../../src/quantize';

describe('settings', () => {
  const defaults = { beta: 0.1, sam: 'on', generator: { rate: 1, every: 2 }, plan: { granularity: 'row', rules: {} as Record<string, unknown> } };

  it('changes values by path and leaves the defaults alone', () => {
    const changed = applySettings(defaults, ['beta=0.5', 'generator.rate=1e-5', 'sam=off', 'plan.granularity={"group":64}', 'plan.rules.bert.*.query.weight="full"']);
    assert.deepEqual(changed, { beta: 0.5, sam: 'off', generator: { rate: 1e-5, every: 2 }, plan: { granularity: { group: 64 }, rules: { 'bert.*.query.weight': 'full' } } });
    assert.equal(defaults.beta, 0.1);
  });

  it('refuses unknown paths, wrong types and texts without a value, naming what there is', () => {
    for (const [text, message] of [
      ['gamma=1', /no "gamma"; there are beta, sam, generator/], ['generator.beta=1', /no "generator\.beta"; there are rate, every/], ['beta.x=1', /"beta" is a single value/],
      ['beta="1"', /"beta" takes a number/], ['sam=1', /"sam" takes a string/], ['generator=1', /"generator" takes a object/], ['beta', /write path=value/], ['beta=1e999', /takes a finite number/],
      ['__proto__.x=1', /there is no "__proto__"/], ['constructor=1', /there is no "constructor"/],
    ] as const) assert.throws(() => applySettings(defaults, [text]), message, text);
    assert.equal(({} as Record<string, unknown>).x, undefined);
  });

  it('every default of SAM-SGA passes its own check, and each rule can fail', () => {
    checkConfig(samSga.defaults);
    for (const [path, value] of [['steps', 0], ['steps', 1.5], ['clip', 0], ['shortest', 2], ['schedule.kind', 'step'], ['divergence.logits', 'ce'], ['generator.mode', 'x'], ['adaptation.candidates', 1], ['generator.every', 0]] as const) {
      assert.throws(() => checkConfig(applySettings(samSga.defaults, [`${path}=${JSON.stringify(value)}`])), new RegExp(`${path.replace('.', '\\.')}=.*must be`));
    }
  });

  it('every setting of every method and of the plan is described in --help, with its default, and has a rule', () => {
    const { help } = quantizeCommand, plan = flatten(settablePlan(planDefaults(4, 8, true)), 'plan.'), settings = [...Object.values(METHODS).flatMap(({ defaults: own }) => flatten(own as object)), ...plan];
    assert.ok(settings.length > 50);
    for (const [path, value] of settings) {
      assert.ok(Object.hasOwn(SETTINGS, path), `${path} has no rule and no words in check.ts`);
      assert.ok(accepts(path, value), `${path}: the default is not allowed`);
      assert.ok(help.includes(`\n  ${path}=`), `${path} is not in --help`);
    }
    for (const path of Object.keys(SETTINGS)) assert.ok(settings.some(([p]) => p === path), `${path} is described, but there is no such setting`);
  });

  it('words that look like numbers, and paths into rules, work from the command line', () => {
    const changed = applySettings({ plan: settablePlan(planDefaults(2, 8, true)) }, ['plan.ends=8', 'plan.embeddings=8', 'plan.rules.*.layer.0.*={"bits":4}', 'plan.rules.*.key.weight=full', 'plan.activation.rules.a.b="full"', 'plan.activation.range=static']).plan;
    assert.deepEqual([changed.ends, changed.embeddings, changed.rules], ['8', '8', { '*.layer.0.*': { bits: 4 }, '*.key.weight': 'full' }]);
    assert.deepEqual(changed.activation, { ...activationDefaults, range: 'static', rules: { 'a.b': 'full' } });
    assert.throws(() => applySettings({ plan: settablePlan(planDefaults(2, 8, true)) }, ['plan.ends=4']), /"plan\.ends" takes a string/);
    assert.throws(() => checkConfig({ ends: 'all' }, 'plan.'), /plan\.ends="all": plan\.ends must be weights, 8 or none/);
  });
});
