/** A short run of the fuzzer (test/fuzz): the description, the answers and the server keep to each other. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzzSession } from '../fuzz/session.js';

test('300 seeded requests: each answer is one that openapi.json allows, and nothing is left behind', async () => {
  const report = await fuzzSession({ seed: 7, requests: 300, concurrency: 8, deadline: 300_000 });
  assert.deepEqual(report.faults, []);
  const count = (wanted: (status: number) => boolean) =>
    Object.values(report.statuses)
      .flatMap((counts) => Object.entries(counts))
      .reduce((sum, [status, times]) => sum + (wanted(Number(status)) ? times : 0), 0);
  // Neither a fuzzer whose requests are all refused nor one whose requests are all right would find anything.
  assert.ok(count((status) => status < 300) > 30, JSON.stringify(report.statuses));
  assert.ok(count((status) => status === 400) > 14, JSON.stringify(report.statuses));
  for (const operation of [
    'createChatCompletion',
    'createCompletion',
    'createResponse',
    'scoreText',
    'tokenize',
  ]) {
    assert.ok((report.statuses[operation]?.[200] ?? 0) > 0, `no ${operation} was answered 200`);
  }
});
