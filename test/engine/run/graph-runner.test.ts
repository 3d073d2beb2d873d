/** Bindings are made once for each range of rows, and not for ever: many slots have thousands of ranges. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HostKvCache } from '../../../src/engine/kv/host-kv-cache.js';
import { ServingRunner } from '../../../src/engine/run/serving-runner.js';
import { Sequence } from '../../../src/engine/schedule/sequence.js';
import type { Binding } from '../../../src/ort/binding.js';
import { request } from '../../helpers/engine.js';
import { openRunner } from '../../helpers/fixed-runner.js';
import { tinyModel } from '../../helpers/tiny-models.js';

test('a run gives the same in whatever rows, and how many bindings are kept is bounded', async () => {
  const slots = 13;
  const { spec, session, runner, release } = await openRunner(tinyModel('llama-genai').directory, false);
  const cache = new HostKvCache(spec, slots, 32);
  const rows = new ServingRunner(session, cache, runner.runOptions);
  const bound = new Set<Binding>();
  const { bind, unbind } = cache;
  cache.bind = (binding, range) => {
    bound.add(binding);
    bind.call(cache, binding, range);
  };
  cache.unbind = (binding) => {
    bound.delete(binding);
    unbind.call(cache, binding);
  };
  const sequences = Array.from({ length: slots }, (_, id) => new Sequence(id, request([5, 9, 2, 7])));
  let [made, most] = [0, 0];
  let expected: Float32Array | null = null;
  try {
    for (let first = 0; first < slots; first++)
      for (let count = 1; first + count <= slots; count++, made++) {
        const read = rows.prompts(first, sequences.slice(0, count)).map(({ logits }) => logits.slice());
        expected ??= read[0] ?? null;
        for (const logits of read) assert.deepEqual(logits, expected, `${count} rows from ${first} on`);
        most = Math.max(most, bound.size);
      }
    // The first ones were dropped, and are made again.
    assert.deepEqual(rows.prompts(0, sequences.slice(0, 1))[0]?.logits, expected);
    assert.ok(made > 90 && most <= 64, `${most} of ${made}`);
  } finally {
    rows.release();
    assert.equal(bound.size, 0);
    cache.release();
    release();
  }
});
