/** OpenAI's shapes of log-probabilities, echo, and what streams make of them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ChatCompletion, ChatCompletionChunk } from '../../src/schemas/chat.js';
import { Completion, CompletionChunk } from '../../src/schemas/completions.js';
import { build } from '../helpers/app.js';
import { endToken, fakeLogprob } from '../helpers/fake-engine.js';
import { events } from '../helpers/sse.js';

const chat = '/v1/chat/completions';
const text = '/v1/completions';
const messages = [{ role: 'user', content: 'Hi' }];
const code = (character: string) => character.codePointAt(0) ?? 0;

test('a chat has one entry a token with its bytes and the likeliest, and null if nobody asks', async (t) => {
  const { post } = await build(t, { answer: () => 'aé' });
  const plain = await post(chat, { messages }, ChatCompletion.strict());
  assert.equal(plain.choices[0]?.logprobs, null);
  const { choices } = await post(
    chat,
    { messages, logprobs: true, top_logprobs: 2 },
    ChatCompletion.strict(),
  );
  const entry = (character: string, rank: number) => ({
    token: character,
    logprob: fakeLogprob(code(character), rank),
    bytes: [...Buffer.from(character)],
  });
  const next = (character: string) => String.fromCodePoint(code(character) + 1);
  assert.deepEqual(choices[0]?.logprobs, {
    content: ['a', 'é'].map((character) => ({
      ...entry(character, 0),
      top_logprobs: [
        entry(character, 0),
        { ...entry(next(character), 1), logprob: fakeLogprob(code(character), 1) },
      ],
    })),
    refusal: null,
  });
});

test('streams bring every entry once, those too whose text is held back or cut', async (t) => {
  const { app, post } = await build(t, { answer: () => 'one STOP two' });
  for (const [url, prompt, asked, Chunk] of [
    [chat, { messages }, { logprobs: true, top_logprobs: 1 }, ChatCompletionChunk],
    [text, { prompt: 'x' }, { logprobs: 1, echo: true }, CompletionChunk],
  ] as const) {
    const body = { ...prompt, ...asked, stop: 'STOP' };
    const whole = await post(url, body, url === chat ? ChatCompletion : Completion);
    const reply = await app.inject({ method: 'POST', url, payload: { ...body, stream: true } });
    const chunks = events(reply.body)
      .slice(0, -1)
      .map((chunk) => Chunk.strict().parse(chunk));
    const parts = chunks.flatMap(({ choices }) => choices.map(({ logprobs }) => logprobs));
    const merged: Record<string, unknown[]> = {};
    for (const part of parts)
      for (const [key, values] of Object.entries(part ?? {}))
        if (Array.isArray(values)) merged[key] = [...(merged[key] ?? []), ...values];
    const { refusal: _, ...expected } = (whole.choices[0]?.logprobs ?? {}) as Record<string, unknown>;
    assert.deepEqual(merged, expected);
  }
});

test('a text echoes its prompt, with offsets into the text, alone too', async (t) => {
  const { post, engine } = await build(t, { answer: () => 'cd' });
  const asked = { prompt: [97, 98], echo: true };
  const plain = await post(text, asked, Completion.strict());
  assert.deepEqual([plain.choices[0]?.text, plain.choices[0]?.logprobs], ['abcd', null]);
  const { choices, usage } = await post(text, { ...asked, logprobs: 0 }, Completion.strict());
  // The last is the stop token, which has no text.
  const rest = ['b', 'c', 'd', String.fromCodePoint(endToken)];
  assert.deepEqual(choices[0]?.logprobs, {
    tokens: ['a', ...rest],
    token_logprobs: [null, ...rest.map((character) => fakeLogprob(code(character), 0))],
    // The token itself is among the likeliest, however few are asked for.
    top_logprobs: [null, ...rest.map((character) => ({ [character]: fakeLogprob(code(character), 0) }))],
    text_offset: [0, 1, 2, 3, 4],
  });
  assert.equal(usage.completion_tokens, 2);
  const beyond = { ...asked, prompt: [...'é🙂'].map(code), logprobs: 0 };
  const [longer] = (await post(text, beyond, Completion)).choices;
  assert.deepEqual(longer?.logprobs?.text_offset, [0, 1, 2, 3, 4], 'in characters, not in UTF-16 units');
  const only = await post(text, { ...asked, logprobs: 1, max_tokens: 0 }, Completion.strict());
  assert.deepEqual(only.choices[0]?.logprobs?.tokens, ['a', 'b']);
  assert.deepEqual(
    [only.choices[0]?.text, only.choices[0]?.finish_reason, only.usage.completion_tokens],
    ['ab', 'length', 0],
  );
  assert.equal(engine.running, 0);
});

test('an answer may go on with the last message, and the template gets more variables', async (t) => {
  const { post, refused, engine } = await build(t);
  const conversation = [...messages, { role: 'assistant', content: 'Well, ' }];
  const body = { messages: conversation, continue_final_message: true };
  await post(chat, { ...body, chat_template_kwargs: { mood: 'good' } }, ChatCompletion);
  assert.equal(String.fromCodePoint(...(engine.requests[0]?.prompt ?? [])), '<user>Hi\n<assistant>Well, ');
  const both = await refused(chat, { ...body, add_generation_prompt: true });
  assert.equal(both.param, 'add_generation_prompt');
  assert.equal(
    (await refused(chat, { messages, continue_final_message: true })).param,
    'continue_final_message',
  );
  await post(chat, { messages, add_generation_prompt: false }, ChatCompletion);
  assert.equal(String.fromCodePoint(...(engine.requests[1]?.prompt ?? [])), '<user>Hi\n');
});

test('a stop string is kept on request', async (t) => {
  const { post } = await build(t, { answer: () => 'one STOP two' });
  const { choices } = await post(
    chat,
    { messages, stop: 'STOP', include_stop_str_in_output: true },
    ChatCompletion,
  );
  assert.deepEqual([choices[0]?.message.content, choices[0]?.finish_reason], ['one STOP', 'stop']);
});

test('alternatives times tokens times choices have a limit, and the refusal names it', async (t) => {
  const { refused, post } = await build(t, { answer: () => 'ab', capacity: 4096, slots: 16 });
  const asked = { messages, logprobs: true, top_logprobs: 20, max_tokens: 2000 };
  const error = await refused(chat, { ...asked, n: 5 });
  assert.deepEqual([error.status, error.param], [400, 'logprobs']);
  assert.match(error.message, /at most 200000 .* received 210000/);
  await post(chat, { ...asked, n: 4 }, ChatCompletion);
  await post(chat, { messages, n: 16, max_tokens: 4000 }, ChatCompletion);
});

test('as lm-eval reads it: behind an echoed prompt stands one entry, also where the answer ended at once', async (t) => {
  const { post } = await build(t, { answer: (prompt) => (prompt === 'ab' ? '' : 'x'), slots: 4 });
  // What `local-completions` sends for a batch of multiple choice.
  const asked = { temperature: 0, max_tokens: 1, logprobs: 1, seed: 1234, echo: true };
  const prompts = [
    [97, 98],
    [99, 100, 101],
  ];
  const { choices } = await post(text, { ...asked, prompt: prompts }, Completion.strict());
  for (const [i, prompt] of prompts.entries()) {
    const { token_logprobs: own, top_logprobs: top } = choices[i]?.logprobs ?? {};
    // Its context is one token; of the rest it takes all but the last.
    assert.deepEqual(
      own?.slice(1, -1),
      prompt.slice(1).map((id) => fakeLogprob(id, 0)),
    );
    own?.slice(1, -1).forEach((logprob, at) => {
      assert.equal(Math.max(...Object.values(top?.[at + 1] ?? {})), logprob);
    });
  }
  assert.deepEqual([choices[0]?.text, choices[0]?.finish_reason], ['ab', 'stop']);
  const monitored = { ...asked, prompt: 'ab', monitor: ['ocean'], max_tokens: 4, add_special_tokens: false };
  const [read] = (await post(text, monitored, Completion)).choices;
  assert.deepEqual(read?.monitor?.tokens, [], 'a stop token has no readings');
});
