import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonicalJson, JsonError, parseStrictJson } from '../../src/common/canonical-json.js';

test('the order of keys does not change the canonical text', () => {
  const a = { b: [1, { y: null, x: 'é"\n' }], a: true };
  const b = { a: true, b: [1, { x: 'é"\n', y: null }] };
  assert.equal(canonicalJson(a), canonicalJson(b));
  assert.deepEqual(parseStrictJson(canonicalJson(a)), a);
});

test('own keys named like prototype members survive', () => {
  const text = '{"__proto__":{"x":1},"constructor":2}';
  assert.equal(canonicalJson(parseStrictJson(text)), text);
});

test('values that JSON would change or drop are refused', () => {
  const cycle: unknown[] = [];
  cycle.push(cycle);
  const values = [
    Number.NaN,
    [Infinity],
    { a: undefined },
    new Array(2),
    new Date(),
    () => 1,
    1n,
    new Float32Array(1),
    cycle,
  ];
  for (const value of values) assert.throws(() => canonicalJson(value), JsonError);
  assert.throws(() => canonicalJson({ a: { b: [0, Number.NaN] } }), /\$\.a\.b\[1\] is NaN/);
});

test('repeated keys are refused wherever they stand, equal strings elsewhere are not', () => {
  for (const text of [
    '{"a":1,"a":1}',
    '[{"x":{"a":1 , "b":2, "a" :3}}]',
    '{"a":1,"\\u0061":2}',
    '{"a\\\\":1,"a\\\\":2}',
  ]) {
    assert.throws(() => parseStrictJson(text), /twice/, text);
  }
  for (const text of [
    '{"a":"a","b":["a","a"]}',
    '{"a":{"a":{"a":1}}}',
    '[{"a":1},{"a":1}]',
    '{"a":"{\\"a\\":1","b":"}"}',
    '"a"',
  ]) {
    assert.deepEqual(parseStrictJson(text), JSON.parse(text));
  }
});
