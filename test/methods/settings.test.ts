import assert from 'node:assert/strict';
import { checkConfig } from '../../src/methods/check';
import { samSga } from '../../src/methods/samSga';
import { applySettings } from '../../src/methods/settings';

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
});
