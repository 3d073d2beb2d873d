/** Weights are rounded in threads as they are without, whatever they are stored as. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { roundRows, type StoredRows } from '../../src/build/round-rows.js';
import { RoundingThreads } from '../../src/build/rounding-threads.js';

const threads = new RoundingThreads(2);
after(() => threads.close());

const [rows, columns] = [100, 800];
const weights = Float32Array.from({ length: rows * columns }, (_, i) => Math.sin(i * i) * 1.1 ** (i % 50));
const stored = (bits: 8 | 4, values = weights): StoredRows => ({
  type: 'F32',
  raw: new Uint8Array(values.slice().buffer),
  columns,
  bits,
});

test('pieces come back as they are rounded without threads, each to whoever sent it', async () => {
  const asked = [4, 8, 4, 8, 4].map((bits, i) =>
    stored(
      bits as 4 | 8,
      weights.map((value) => value * (i + 1)),
    ),
  );
  const wanted = asked.map(roundRows);
  const made = await Promise.all(asked.map((one) => threads.round(one)));
  assert.deepEqual(made, wanted);
});

test('rows that are no whole number of pairs of blocks have zero points that begin with new bytes', () => {
  const made = roundRows(stored(4));
  assert.equal(made?.zeroPoints.length, rows * Math.ceil(columns / 32 / 2));
  const alone = roundRows({ ...stored(4), raw: new Uint8Array(weights.slice(columns, 2 * columns).buffer) });
  assert.deepEqual(made?.zeroPoints.slice(13, 26), alone?.zeroPoints);
});

test('a value that is no number is told, and the thread goes on', async () => {
  const broken = weights.slice();
  broken[broken.length - 1] = Number.NaN;
  assert.equal(await threads.round(stored(8, broken)), null);
  assert.deepEqual(await threads.round(stored(8)), roundRows(stored(8)));
});

test('who waits for a thread that is closed hears of it', async () => {
  const closing = new RoundingThreads(1);
  const waiting = assert.rejects(closing.round(stored(4)), /ended/);
  await closing.close();
  await waiting;
});
