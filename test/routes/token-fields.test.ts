/** vLLM's fields about single tokens, and its echo: what they ask of the engine and what comes back. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ChatCompletion } from '../../src/schemas/chat.js';
import { Completion } from '../../src/schemas/completions.js';
import { build } from '../helpers/app.js';
import { fakeLogprob } from '../helpers/fake-engine.js';
import { events } from '../helpers/sse.js';

const chat = '/v1/chat/completions';
const messages = [{ role: 'user', content: 'Hi' }];
/** Of a stream, without what ends it. */
const chunks = (body: string) => events(body).filter((event) => event !== '[DONE]');
const codes = (text: string) => [...text].map((character) => character.codePointAt(0) ?? 0);

test('allowed_token_ids and bad_words reach the engine as tokens', async (t) => {
  const { post, refused, engine } = await build(t);
  await post(chat, { messages, allowed_token_ids: [65, 66], bad_words: ['no', ' yes'] }, ChatCompletion);
  const [asked] = engine.requests;
  assert.deepEqual(asked?.allowedTokens, [65, 66]);
  assert.deepEqual(asked?.badWords, ['no', ' no', ' yes', ' yes'].map(codes));
  for (const [more, param] of [
    [{ allowed_token_ids: [] }, 'allowed_token_ids'],
    [{ allowed_token_ids: [0x110000] }, 'allowed_token_ids'],
    [{ allowed_token_ids: [3], min_tokens: 1 }, 'allowed_token_ids'],
    [{ allowed_token_ids: [65], response_format: { type: 'json_object' } }, 'allowed_token_ids'],
    [{ bad_words: [''] }, 'bad_words.0'],
    [{ bad_words: 'x' }, 'bad_words'],
    [{ prompt_logprobs: 21 }, 'prompt_logprobs'],
    [{ prompt_logprobs: 1, stream: true }, 'prompt_logprobs'],
  ] as const) {
    const error = await refused(chat, { messages, ...more });
    assert.deepEqual([error.status, error.param], [400, param], error.message);
  }
  for (const field of ['prompt_logprobs', 'return_token_ids']) {
    const error = await refused('/v1/responses', {
      input: 'Hi',
      [field]: field === 'prompt_logprobs' ? 1 : true,
    });
    assert.deepEqual([error.status, error.param], [400, field]);
  }
});

test('return_token_ids: the prompt and the answer as ids, whole and streamed', async (t) => {
  const { post, app, engine } = await build(t);
  const body = { messages, return_token_ids: true, n: 2 };
  const reply = await post(chat, body, ChatCompletion);
  assert.deepEqual(reply.prompt_token_ids, engine.requests[0]?.prompt);
  for (const choice of reply.choices) assert.deepEqual(choice.token_ids, codes('Hello there.'));
  const text = await post('/v1/completions', { prompt: ['a', 'bc'], return_token_ids: true }, Completion);
  assert.deepEqual(
    text.choices.map(({ prompt_token_ids }) => prompt_token_ids),
    [
      [2, ...codes('a')],
      [2, ...codes('bc')],
    ],
  );
  for (const [url, asked] of [
    [chat, { messages }],
    ['/v1/completions', { prompt: 'a' }],
  ] as const) {
    const payload = { ...asked, return_token_ids: true, stream: true };
    const streamed = chunks((await app.inject({ method: 'POST', url, payload })).body);
    const ids = streamed.flatMap((chunk) => (chunk as Completion).choices[0]?.token_ids ?? []);
    assert.deepEqual(ids, codes('Hello there.'), url);
  }
  const without = await post(chat, { messages }, ChatCompletion);
  assert.equal('token_ids' in (without.choices[0] ?? {}), false);
});

test("prompt_logprobs: vLLM's shape, beside a smaller count for the answer", async (t) => {
  const { post, engine } = await build(t);
  const reply = await post(
    '/v1/completions',
    { prompt: 'ab', max_tokens: 2, prompt_logprobs: 3, logprobs: 1 },
    Completion,
  );
  assert.deepEqual([engine.requests[0]?.logprobs, engine.requests[0]?.promptLogprobs], [3, true]);
  const [choice] = reply.choices;
  const [first, a, b] = choice?.prompt_logprobs ?? [];
  assert.equal(first, null);
  const [ida = 0] = codes('a');
  assert.deepEqual(
    Object.keys(a ?? {}),
    [0, 1, 2].map((more) => String(ida + more)),
  );
  assert.deepEqual(a?.[ida + 1], { logprob: fakeLogprob(ida, 1), rank: 2, decoded_token: 'b' });
  assert.equal(Object.keys(b ?? {}).length, 3);
  for (const top of choice?.logprobs?.top_logprobs ?? []) assert.equal(Object.keys(top ?? {}).length, 1);
  const alone = await post(chat, { messages, prompt_logprobs: 0 }, ChatCompletion);
  assert.equal(alone.prompt_logprobs?.length, engine.requests.at(-1)?.prompt.length);
  assert.equal(alone.choices[0]?.logprobs, null);
});

test('echo in a chat puts the begun message before its answer, whole and streamed', async (t) => {
  const { post, app } = await build(t);
  const begun = [...messages, { role: 'assistant', content: 'Well,' }];
  const body = { messages: begun, echo: true, continue_final_message: true, logprobs: true };
  const reply = await post(chat, body, ChatCompletion);
  assert.equal(reply.choices[0]?.message.content, 'Well,Hello there.');
  assert.equal(reply.choices[0]?.logprobs?.content.length, 12);
  assert.equal(reply.usage.completion_tokens, 12);
  const streamed = chunks(
    (await app.inject({ method: 'POST', url: chat, payload: { ...body, stream: true } })).body,
  );
  const text = streamed
    .map((chunk) => (chunk as { choices: { delta: { content?: string } }[] }).choices[0]?.delta.content ?? '')
    .join('');
  assert.equal(text, 'Well,Hello there.');
  const users = await post(chat, { messages, echo: true }, ChatCompletion);
  assert.equal(users.choices[0]?.message.content, 'Hello there.');
});

test('special tokens of the answer are text where they are not skipped', async (t) => {
  const { post } = await build(t, { answer: () => 'a\u0001b' });
  const skipped = await post(chat, { messages }, ChatCompletion);
  assert.equal(skipped.choices[0]?.message.content, 'ab');
  const shown = await post(
    chat,
    { messages, skip_special_tokens: false, return_token_ids: true },
    ChatCompletion,
  );
  assert.deepEqual(shown.choices[0]?.token_ids, [97, 1, 98]);
});
