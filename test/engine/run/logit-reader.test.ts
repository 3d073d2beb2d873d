/** The numbers that are read from logits, against float64. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Random } from '../../../src/common/random.js';
import { LogitReader } from '../../../src/engine/run/logit-reader.js';
import { ownArray } from '../../../src/ort/tensor.js';

const size = 5000;
const random = new Random(4);
const uniform = () => random.bits() / 2 ** 32;

/** Logits of N positions, of which some are sure of one token. */
function logitsOf(count: number): Float32Array {
  const logits = ownArray(Float32Array, count * size);
  for (let i = 0; i < logits.length; i++) logits[i] = 8 * (uniform() + uniform() + uniform() - 1.5) + 20;
  for (let row = 0; row < count; row += 3) logits[row * size + row] = 60;
  return logits;
}

/** log softmax in float64. */
function exactly(logits: Float32Array, row: number): Float64Array {
  const all = Float64Array.from(logits.subarray(row * size, (row + 1) * size));
  const top = Math.max(...all);
  const normaliser = top + Math.log(all.reduce((sum, logit) => sum + Math.exp(logit - top), 0));
  return all.map((logit) => logit - normaliser);
}

describe('a reader of logits', () => {
  let reader: LogitReader;
  before(async () => {
    reader = await LogitReader.open();
  });
  after(() => reader.release());

  for (const count of [1, 8, 9, 21])
    test(`log-probabilities and divergences of ${count} positions are exact to 1e-5`, () => {
      const steered = logitsOf(count);
      const unsteered = logitsOf(count);
      for (let i = 0; i < unsteered.length; i += 2) unsteered[i] = (steered[i] as number) + uniform();
      const tokens = Array.from({ length: count }, (_, row) => (row % 2 ? row : random.bits() % size));
      const read = reader.divergence(steered, unsteered, tokens);
      assert.deepEqual(read.steered, reader.logProbabilities(steered, tokens));
      assert.deepEqual(read.unsteered, reader.logProbabilities(unsteered, tokens));
      tokens.forEach((token, row) => {
        const p = exactly(steered, row);
        const q = exactly(unsteered, row);
        const divergence = p.reduce((sum, one, i) => sum + Math.exp(one) * (one - (q[i] as number)), 0);
        const near = (actual: number | undefined, expected: number) =>
          assert.ok(Math.abs((actual ?? Number.NaN) - expected) < 1e-5 * Math.max(1, Math.abs(expected)));
        near(read.steered[row], p[token] as number);
        near(read.unsteered[row], q[token] as number);
        near(read.divergence[row], divergence);
      });
    });

  test('a row is read as it is read alone, to the bit', () => {
    const [steered, unsteered] = [logitsOf(11), logitsOf(11)];
    const tokens = Array.from({ length: 11 }, () => random.bits() % size);
    const together = reader.divergence(steered, unsteered, tokens);
    tokens.forEach((token, row) => {
      const [a, b] = [steered, unsteered].map((all) => all.slice(row * size, (row + 1) * size));
      const alone = reader.divergence(a as Float32Array, b as Float32Array, [token]);
      for (const key of ['steered', 'unsteered', 'divergence'] as const)
        assert.equal(alone[key][0], together[key][row]);
    });
  });

  test('logits do not diverge from themselves', () => {
    const logits = logitsOf(10);
    const { divergence } = reader.divergence(
      logits,
      logits.slice(),
      Array.from({ length: 10 }, (_, i) => i),
    );
    assert.deepEqual(divergence, new Float32Array(10));
  });
});
