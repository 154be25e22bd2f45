import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ZsaqError } from '../../src/core/error';
import { canonicalJson, finiteJson, parseJson } from '../../src/io/json';
import { refuses } from './helpers';

describe('io/json', () => {
  it('sorts keys, leaves undefined out, and is JSON.stringify otherwise', () => {
    assert.equal(canonicalJson({ b: [1, { d: null, c: 'é"\n' }], a: undefined, A: true }), '{"A":true,"b":[1,{"c":"é\\"\\n","d":null}]}');
    assert.equal(canonicalJson({ b: 1, a: { y: [], x: {} }, c: [2] }, 2), JSON.stringify({ a: { x: {}, y: [] }, b: 1, c: [2] }, null, 2));
  });

  it('has null in place of what is no number where asked to', () => {
    assert.deepEqual(finiteJson({ score: NaN, parts: [1, -Infinity, 'NaN'], deep: { x: Infinity, y: null, z: -0 } }), { score: null, parts: [1, null, 'NaN'], deep: { x: null, y: null, z: -0 } });
  });

  it('reads back exactly what it wrote, whatever the order of keys (-0 and small and large doubles too)', () => {
    const json = fc.jsonValue({ maxDepth: 4 }).filter((v) => !/"(__proto__|constructor)":/.test(JSON.stringify(v)));
    fc.assert(fc.property(json, (value) => {
      assert.deepStrictEqual(parseJson(canonicalJson(value), 'text'), JSON.parse(canonicalJson(value)));
      assert.equal(canonicalJson(JSON.parse(canonicalJson(value, 3))), canonicalJson(value));
    }), { numRuns: 500 });
    fc.assert(fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (x) => Object.is(parseJson(canonicalJson(x), 'x'), x)));
  });

  it('names the place of what JSON cannot hold', () => {
    refuses(() => canonicalJson({ a: [{ b: NaN }] }), 'nonFinite', /value\.a\[0\]\.b is NaN/);
    refuses(() => canonicalJson([1, -Infinity]), 'nonFinite', /value\[1\] is -Infinity/);
    refuses(() => canonicalJson({ a: new Map() }), 'format', /value\.a is a Map/);
    refuses(() => canonicalJson({ a: new Float32Array(1) }), 'format', /value\.a is a Float32Array/);
    refuses(() => canonicalJson([undefined]), 'format', /value\[0\] is undefined/);
    refuses(() => canonicalJson([, 1]), 'format', /value\[0\] is undefined/);
    refuses(() => canonicalJson({ f: () => 1 }), 'format', /value\.f is a function/);
    refuses(() => canonicalJson({ n: 1n }), 'format', /value\.n is a bigint/);
    const loop: Record<string, unknown> = {};
    loop.self = { loop };
    refuses(() => canonicalJson(loop), 'format', /value\.self\.loop is an object that contains itself/);
    assert.equal(canonicalJson({ a: loop.none, b: [1], c: [1] }), '{"b":[1],"c":[1]}');
  });

  it('tells line and column', () => {
    refuses(() => parseJson('{\n  "a": 1,\n  "b": oops\n}', 'config.json'), 'format', /^config\.json is not valid JSON at line 3, column 8 \(expected a value\)/);
    refuses(() => parseJson('{"a": 1,}', 'x'), 'format', /line 1, column 9 \(expected a key/);
    refuses(() => parseJson('[1 2]', 'x'), 'format', /line 1, column 4 \(expected ',' or '\]'\)/);
    refuses(() => parseJson('{"a": "b', 'x'), 'format', /without closing quote/);
    refuses(() => parseJson('', 'x'), 'format', /ends too early/);
    refuses(() => parseJson('{} {}', 'x'), 'format', /column 4 \(text after the end\)/);
    refuses(() => parseJson('[NaN]', 'x'), 'format', /column 2/);
    refuses(() => parseJson('[1e999]', 'x'), 'format', /range of a double/);
  });

  it('refuses keys that are given twice or reach for the prototype, however they are spelled', () => {
    refuses(() => parseJson('{"a": 1, "a": 2}', 'x'), 'format', /column 10 \(the key "a" is given twice\)/);
    refuses(() => parseJson('{"a": 1, "\\u0061": 2}', 'x'), 'format', /given twice/);
    refuses(() => parseJson('[{"__proto__": {}}]', 'x'), 'format', /"__proto__" is not allowed/);
    refuses(() => parseJson('{"constr\\u0075ctor": {}}', 'x'), 'format', /"constructor" is not allowed/);
    assert.deepEqual(parseJson('[{"a": 1}, {"a": 2}]', 'x'), [{ a: 1 }, { a: 2 }]);
  });

  it('skips a byte-order mark and survives deep nesting', () => {
    assert.deepEqual(parseJson('\ufeff{"a":[]}', 'x'), { a: [] });
    refuses(() => parseJson('['.repeat(1e6), 'x'), 'format', /nested more than/);
  });

  it('accepts and refuses exactly as JSON.parse does on damaged text (less its own refusals)', () => {
    const good = canonicalJson({ name: 'a\\b"c', list: [1, -2.5e-3, true, false, null, {}], nested: { deep: [[], ['x\u0001']] } }, 1);
    const alphabet = fc.constantFrom(...'{}[],:"\\ \n0123456789.eE+-tfnulasx\u0001'.split(''));
    fc.assert(fc.property(fc.nat(good.length), fc.nat(3), fc.array(alphabet, { maxLength: 3 }), (at, removed, inserted) => {
      const text = good.slice(0, at) + inserted.join('') + good.slice(at + removed);
      let reference: unknown, fails = false;
      try { reference = JSON.parse(text); } catch { fails = true; }
      try {
        const value = parseJson(text, 'x');
        assert(!fails, `accepted ${text}`);
        assert.deepStrictEqual(value, reference);
      } catch (error) {
        assert(error instanceof ZsaqError, String(error));
        assert(fails || /given twice|range of a double/.test(error.message), `refused ${text}: ${error.message}`);
      }
    }), { numRuns: 3000 });
  });
});
