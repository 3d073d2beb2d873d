import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../src/common/random.js';

/** The same generator written in whole numbers of any size, from the authors' description. */
function* reference(seed: number): Generator<number> {
  const mask = 0xffffffffn;
  const rotate = (x: bigint, k: bigint) => ((x << k) | (x >> (32n - k))) & mask;
  let mix = BigInt(seed);
  const split = () => {
    mix = (mix + 0x9e3779b9n) & mask;
    let z = ((mix ^ (mix >> 16n)) * 0x21f0aaadn) & mask;
    z = ((z ^ (z >> 15n)) * 0x735a2d97n) & mask;
    return z ^ (z >> 15n);
  };
  let [a, b, c, d] = [split(), split(), split(), split()];
  for (;;) {
    yield Number((rotate((b * 5n) & mask, 7n) * 9n) & mask);
    const t = (b << 9n) & mask;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = rotate(d, 11n);
  }
}

test('bits are those of xoshiro128**', () => {
  for (const seed of [0, 1, 12345, 0xffffffff]) {
    const random = new Random(seed);
    const expected = reference(seed);
    for (let i = 0; i < 200; i++) assert.equal(random.bits(), expected.next().value);
  }
});

test('the same seed gives the same numbers, a near seed others', () => {
  const draw = (seed: number) => {
    const random = new Random(seed);
    return Array.from({ length: 50 }, () => random.uniform());
  };
  assert.deepEqual(draw(7), draw(7));
  const other = new Set(draw(8));
  assert.ok(draw(7).every((value) => !other.has(value)));
});

test('uniform numbers lie in [0, 1), fill it evenly and are fine-grained', () => {
  const random = new Random(3);
  const count = 20000;
  const bins = new Array<number>(20).fill(0);
  let sum = 0;
  let halves = 0;
  for (let i = 0; i < count; i++) {
    const value = random.uniform();
    assert.ok(value >= 0 && value < 1);
    bins[Math.floor(value * 20)] = (bins[Math.floor(value * 20)] ?? 0) + 1;
    sum += value;
    if ((value * 2 ** 53) % 2 === 1) halves++;
  }
  assert.ok(Math.abs(sum / count - 0.5) < 0.01);
  for (const bin of bins) assert.ok(Math.abs(bin - 1000) < 160);
  assert.ok(Math.abs(halves / count - 0.5) < 0.02, 'the 53rd bit is random too');
});
