import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SteerdError } from '../../../src/errors.js';
import { MeasurementLimit } from '../../../src/fitting/measure/measurement-limit.js';
import { gate } from '../../helpers/app.js';

test('as many as may run do; one more is refused before it begins, and one that ends or fails makes room', async () => {
  const limit = new MeasurementLimit(2);
  const gates = [gate(), gate()];
  let begun = 0;
  const start = (i: number) =>
    limit.run(async () => {
      begun++;
      await gates[i]?.passed;
      if (i === 1) throw new Error('broken');
      return i;
    });
  const [first, second] = [start(0), start(1)];
  await assert.rejects(
    limit.run(async () => begun++),
    (error: unknown) =>
      error instanceof SteerdError &&
      error.status === 429 &&
      error.code === 'measurements_full' &&
      (error.retryAfterSeconds ?? 0) >= 1,
  );
  assert.equal(begun, 2);
  gates[1]?.open();
  await assert.rejects(second, /broken/);
  assert.equal(await limit.run(async () => 'third'), 'third');
  gates[0]?.open();
  assert.equal(await first, 0);
  assert.equal(limit.running, 0);
});
