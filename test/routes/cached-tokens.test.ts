/** `cached_tokens`: what the engine says of each prompt, in every kind of reply and in the metrics. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { build } from '../helpers/app.js';
import { events } from '../helpers/sse.js';

const details = z.object({ cached_tokens: z.int() });
const Usage = z.object({ usage: z.object({ prompt_tokens: z.int(), prompt_tokens_details: details }) });
const ResponseUsage = z.object({ usage: z.object({ input_tokens_details: details }) });
const messages = [{ role: 'user', content: 'Hi' }];

test('chat and text completions say it, streamed and not', async (t) => {
  const { app, post } = await build(t, { cached: () => 7 });
  for (const [url, body] of [
    ['/v1/chat/completions', { messages }],
    ['/v1/completions', { prompt: 'far away from it' }],
  ] as const) {
    const { usage } = await post(url, body, Usage);
    assert.equal(usage.prompt_tokens_details.cached_tokens, 7);
    const payload = { ...body, stream: true, stream_options: { include_usage: true } };
    const received = events((await app.inject({ method: 'POST', url, payload })).body);
    const last = Usage.parse(received.at(-2));
    assert.equal(last.usage.prompt_tokens_details.cached_tokens, 7);
  }
});

test('responses say it, streamed and not', async (t) => {
  const { app, post } = await build(t, { cached: () => 4 });
  const url = '/v1/responses';
  const body = { input: 'Hi' };
  assert.equal((await post(url, body, ResponseUsage)).usage.input_tokens_details.cached_tokens, 4);
  const { body: stream } = await app.inject({ method: 'POST', url, payload: { ...body, stream: true } });
  assert.match(stream, /"response\.completed".*"cached_tokens":4/);
});

test('choices of one prompt count it once, as the one that read most of it', async (t) => {
  let asked = 0;
  const { post } = await build(t, { cached: ({ prompt }) => (asked++ === 0 ? 1 : prompt.length) });
  const { usage } = await post('/v1/completions', { prompt: ['abcde', 'fgh'], n: 2 }, Usage);
  assert.deepEqual(
    [usage.prompt_tokens, usage.prompt_tokens_details.cached_tokens],
    // With the token that texts begin with: the first prompt was read by its first choice, the second was known.
    [10, 1 + 4],
  );
});

test('the metrics count it', async (t) => {
  const { app, post } = await build(t, { cached: () => 5 });
  await post('/v1/chat/completions', { messages }, Usage);
  const { body } = await app.inject({ url: '/metrics' });
  assert.match(body, /^steerd_prompt_tokens_cached_total\{.*\} 5$/m);
});
