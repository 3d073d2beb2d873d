/** Memory follows what runs: after a burst of the embedded model it is what it was before. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { embeddedDirectory, logprobs } from '../helpers/embedded-model.js';
import { request, startEngine, tokens } from '../helpers/engine.js';

const mebibytes = () => process.memoryUsage.rss() / 1024 ** 2;
/** Longer than the worker waits before it gives memory back. */
const rest = 3000;

test('idle after a burst of 16 prompts it takes at most a tenth more than before', async (t) => {
  if (process.platform !== 'linux') {
    t.skip('elsewhere pages stay with the process');
    return;
  }
  const engine = await startEngine(embeddedDirectory, { slots: 16, threads: 2, queue: 64 });
  t.after(() => engine.close());
  const text = Array.from({ length: 400 }, (_, i) => logprobs.ids[(7 * i) % logprobs.ids.length] ?? 0);
  // The first answer makes buffers that stay.
  await tokens(engine, request(text.slice(0, 70), { maxTokens: 2 }));
  await pause(rest);
  const before = mebibytes();
  let most = 0;
  const watching = setInterval(() => {
    most = Math.max(most, mebibytes());
  }, 20);
  const burst = Array.from({ length: 16 }, (_, i) =>
    tokens(engine, request(text.slice(i, 100 + i), { maxTokens: 150, stopTokens: [] })),
  );
  await Promise.all(burst);
  clearInterval(watching);
  await pause(rest);
  const after = mebibytes();
  // 16 rows of 250 tokens are 170 MiB; the answers are long enough for all to be there at once where prompts are read slowly.
  assert.ok(most - before > 100, `the burst took ${most - before} MiB`);
  assert.ok(after <= 1.1 * before, `${before} MiB before, ${most} at most, ${after} after`);
});

test('lengths that no text had before leave no memory behind', async (t) => {
  if (process.platform !== 'linux') {
    t.skip('elsewhere pages stay with the process');
    return;
  }
  const engine = await startEngine(embeddedDirectory, { slots: 1, threads: 2 });
  t.after(() => engine.close());
  const steps = 180;
  const text = Array.from({ length: 20 + steps }, (_, i) => logprobs.ids[(7 * i) % logprobs.ids.length] ?? 0);
  const answer = (length: number) =>
    tokens(engine, request(text.slice(0, length), { maxTokens: steps, stopTokens: [] }));
  await answer(20);
  await pause(rest);
  const before = mebibytes();
  await answer(20 + steps);
  await pause(rest);
  const grown = mebibytes() - before;
  // A plan of each, as ONNX Runtime keeps it by default, takes 240 KiB.
  assert.ok(grown < 12, `${grown} MiB`);
});

test("a context of 8,192 tokens is served as the model's configuration says", async (t) => {
  const engine = await startEngine(embeddedDirectory, { slots: 1, threads: 2, capacity: 8192 });
  t.after(() => engine.close());
  assert.equal(engine.shape.capacity, 8192);
  const long = Array.from({ length: 8184 }, (_, i) => logprobs.ids[(7 * i) % logprobs.ids.length] ?? 0);
  assert.equal((await tokens(engine, request(long, { maxTokens: 8, minTokens: 8 }))).length, 8);
  await assert.rejects(tokens(engine, request(long, { maxTokens: 9 })), { code: 'context_length_exceeded' });
});
