/** What a job asks of its own process ends with the job: nothing computes on for it, and nothing is logged as a fault. */
import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { endWithAsker, injectedApi } from '../../src/server/inner-api.js';
import { build } from '../helpers/app.js';

const body = { messages: [{ role: 'user', content: 'Hi' }], max_tokens: 500 };
const asked = { method: 'POST', body } as const;

/**
 * @param milliseconds that each token takes
 * @param first called when a request has come in
 */
async function opened(
  t: Parameters<typeof build>[0],
  { milliseconds, first }: { readonly milliseconds: number; readonly first?: () => void },
) {
  const lines: string[] = [];
  const { app, engine } = await build(t, {
    onLog: (line) => lines.push(line),
    extend: (made) => {
      if (first !== undefined) made.addHook('onRequest', async () => first());
      endWithAsker(made);
    },
    answer: () => 'a'.repeat(500),
    pace: () => pause(milliseconds),
  });
  const faults = () => lines.filter((line) => (JSON.parse(line) as { level: number }).level >= 40);
  return { api: injectedApi(app), engine, faults, app };
}

test('a request under way ends when its asker gives up: with the reason, and the engine stops', async (t) => {
  const { api, engine, faults } = await opened(t, { milliseconds: 10 });
  const job = new AbortController();
  const both = [1, 2].map(() => api.json('/v1/chat/completions', { ...asked, signal: job.signal }));
  while (engine.running < 2) await pause(5);
  job.abort(new Error('cancelled'));
  for (const answer of both) await assert.rejects(answer, /^Error: cancelled$/);
  while (engine.running > 0) await pause(5);
  assert.equal(engine.left, 2);
  assert.deepEqual(faults(), []);
});

test('one whose asker gave up before it began, or before its body was read, asks nothing of the engine', async (t) => {
  const early = new AbortController();
  const { api, engine, faults, app } = await opened(t, {
    milliseconds: 1,
    // Between the injection and the hook that looks.
    first: () => early.abort(new Error('cancelled')),
  });
  const signal = AbortSignal.abort(new Error('too late'));
  await assert.rejects(api.json('/v1/chat/completions', { ...asked, signal }), /too late/);
  await assert.rejects(api.json('/v1/chat/completions', { ...asked, signal: early.signal }), /cancelled/);
  await pause(50);
  await app.close();
  assert.deepEqual(engine.requests, []);
  assert.deepEqual(faults(), []);
});

test('an asker who never gives up is answered, and listened to no more', async (t) => {
  const { api } = await opened(t, { milliseconds: 0 });
  const job = new AbortController();
  const answer = await api.json<{ object: string }>('/v1/chat/completions', {
    ...asked,
    signal: job.signal,
  });
  assert.equal(answer.object, 'chat.completion');
  assert.equal(getEventListeners(job.signal, 'abort').length, 0);
});
