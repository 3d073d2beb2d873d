import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ChatCompletion, ChatCompletionChunk } from '../../src/schemas/chat.js';
import { build } from '../helpers/app.js';
import { endToken } from '../helpers/fake-engine.js';
import { events } from '../helpers/sse.js';

const url = '/v1/chat/completions';
const messages = [{ role: 'user', content: 'Hi' }];

test("an answer has OpenAI's shape, and usage counts prompt and generated tokens", async (t) => {
  const { post, engine } = await build(t);
  const reply = await post(url, { messages }, ChatCompletion.strict());
  assert.match(reply.id, /^chatcmpl-/);
  assert.equal(reply.model, 'tiny');
  assert.equal(reply.system_fingerprint, 'fp_abcdef0123');
  assert.deepEqual(reply.choices, [
    {
      index: 0,
      message: { role: 'assistant', content: 'Hello there.', refusal: null },
      logprobs: null,
      finish_reason: 'stop',
    },
  ]);
  const prompt = '<user>Hi\n<assistant>'.length;
  assert.deepEqual(reply.usage, {
    prompt_tokens: prompt,
    completion_tokens: 12,
    total_tokens: prompt + 12,
    prompt_tokens_details: { cached_tokens: 0 },
  });
  assert.equal(reply.steering, undefined);
  assert.equal(engine.running, 0);
});

test('without a limit the answer may fill the context; with one it ends there', async (t) => {
  const { post, engine } = await build(t, { capacity: 100 });
  await post(url, { messages }, ChatCompletion);
  assert.equal(engine.requests[0]?.maxTokens, 100 - '<user>Hi\n<assistant>'.length);
  for (const limit of [{ max_tokens: 5 }, { max_completion_tokens: 5, max_tokens: 9 }]) {
    const { choices, usage } = await post(url, { messages, ...limit }, ChatCompletion);
    assert.equal(choices[0]?.message.content, 'Hello');
    assert.equal(choices[0]?.finish_reason, 'length');
    assert.equal(usage.completion_tokens, 5);
  }
});

test('content parts are joined, developer is system, half a surrogate pair is no character', async (t) => {
  const { post, engine } = await build(t);
  const parts = [
    { type: 'text', text: 'one' },
    { type: 'text', text: 'two' },
  ];
  const body = {
    messages: [
      { role: 'developer', content: 'Be kind.' },
      { role: 'user', content: parts },
      { role: 'assistant', content: '' },
      { role: 'user', content: 'a\ud800b' },
    ],
  };
  await post(url, body, ChatCompletion);
  const prompt = String.fromCodePoint(...(engine.requests[0]?.prompt ?? []));
  assert.equal(prompt, '<system>Be kind.\n<user>one\ntwo\n<assistant>\n<user>a\ufffdb\n<assistant>');
});

test('sampling fields reach the engine, null is not given, and seeds are folded', async (t) => {
  const { post, engine } = await build(t);
  const given = {
    temperature: 0.5,
    top_p: 0.9,
    top_k: -1,
    min_p: 0.1,
    repetition_penalty: 1.1,
    presence_penalty: 1,
    frequency_penalty: -1,
    logit_bias: { 65: -100, 66: 3 },
    stop_token_ids: [10],
    min_tokens: 2,
    seed: 7,
    n: 2,
    user: 'someone',
    metadata: { any: 'thing' },
    unknown_field: 1,
  };
  await post(url, { messages, ...given }, ChatCompletion);
  const { sampling, stopTokens, minTokens } = engine.requests[0] ?? assert.fail();
  assert.deepEqual(sampling, {
    temperature: 0.5,
    topP: 0.9,
    topK: 0,
    minP: 0.1,
    repetitionPenalty: 1.1,
    presencePenalty: 1,
    frequencyPenalty: -1,
    logitBias: [
      [65, -100],
      [66, 3],
    ],
    seed: 7,
  });
  assert.deepEqual([stopTokens, minTokens], [[endToken, 10], 2]);
  assert.equal(engine.requests[1]?.sampling.seed, 8);

  await post(url, { messages, temperature: null, seed: 2 ** 32, stop: null, n: null }, ChatCompletion);
  await post(url, { messages, seed: -1, ignore_eos: true }, ChatCompletion);
  assert.deepEqual(
    engine.requests.slice(2).map((request) => [request.sampling.temperature, request.sampling.seed]),
    [
      [0.7, 1],
      [0.7, 0],
    ],
  );
  assert.deepEqual(engine.requests[3]?.stopTokens, []);
});

test('a stop string ends the answer and is no part of it; its tokens count', async (t) => {
  const { post } = await build(t, { answer: () => 'one STOP two' });
  const { choices, usage } = await post(url, { messages, stop: ['never', 'STOP'] }, ChatCompletion);
  assert.equal(choices[0]?.message.content, 'one ');
  assert.equal(choices[0]?.finish_reason, 'stop');
  assert.equal(usage.completion_tokens, 'one STOP'.length);
});

test('a steered reply carries its receipt and steers the engine; strength 0 edits nothing', async (t) => {
  const { post, engine } = await build(t);
  const forms = [
    { concept: 'pirate', strength: 0.5 },
    { steering: { concept: 'pirate', strength: 0.5 } },
    { steering: [{ concept: 'pirate', strength: 0.5 }] },
  ];
  for (const form of forms) {
    const { steering } = await post(url, { messages, ...form, receipt: 'full' }, ChatCompletion);
    assert.equal(steering?.length, 1);
    const short = await post(url, { messages, ...form }, ChatCompletion);
    const { coefficients: _, ...rest } = steering[0] ?? {};
    assert.deepEqual(short.steering, [rest], 'the numbers of every layer come when asked for');
    assert.deepEqual(
      [steering[0]?.concept, steering[0]?.layers, steering[0]?.coefficients],
      ['pirate', [1, 2], [1, 1.5]],
    );
  }
  const edits = engine.requests.map(({ edit }) => edit.map(({ add }) => [...add]));
  assert.deepEqual(edits, Array(6).fill([[0, 1, 1.5]]));

  const none = await post(url, { messages, concept: 'pirate', strength: 0 }, ChatCompletion);
  assert.equal(none.steering?.length, 1);
  assert.deepEqual(engine.requests.at(-1)?.edit, []);
});

test('a stream brings role, deltas, finish reasons and usage: what the plain answer says', async (t) => {
  const answer = (_: string, { sampling }: { sampling: { seed: number } }) => `Ünï ${sampling.seed} 🙂.`;
  const { app, post } = await build(t, { answer });
  const body = { messages, n: 2, seed: 40, concept: 'ocean', strength: 1 };
  const plain = await post(url, body, ChatCompletion);

  const options = { stream: true, stream_options: { include_usage: true } };
  const reply = await app.inject({ method: 'POST', url, payload: { ...body, ...options } });
  assert.equal(reply.statusCode, 200);
  assert.match(String(reply.headers['content-type']), /^text\/event-stream/);
  const received = events(reply.body);
  assert.equal(received.pop(), '[DONE]');
  const chunks = received.map((chunk) => ChatCompletionChunk.strict().parse(chunk));
  assert.equal(new Set(chunks.map(({ id }) => id)).size, 1);

  const usage = chunks.pop();
  assert.deepEqual(usage?.choices, []);
  assert.deepEqual(usage?.usage, plain.usage);
  assert.ok(chunks.every((chunk) => chunk.usage === null));
  assert.deepEqual(chunks[0]?.steering, plain.steering);
  assert.ok(chunks.slice(1).every(({ steering }) => steering === undefined));

  for (const index of [0, 1]) {
    const own = chunks.flatMap(({ choices }) => choices).filter((choice) => choice.index === index);
    assert.deepEqual(own.shift()?.delta, { role: 'assistant', content: '', refusal: null });
    assert.deepEqual(own.at(-1)?.delta, {});
    assert.equal(own.at(-1)?.finish_reason, 'stop');
    assert.ok(own.slice(0, -1).every(({ finish_reason }) => finish_reason === null));
    const text = own.map(({ delta }) => delta.content ?? '').join('');
    assert.equal(text, `Ünï ${40 + index} 🙂.`);
    assert.equal(text, plain.choices[index]?.message.content);
  }
});

test('without include_usage no chunk has a usage', async (t) => {
  const { app } = await build(t);
  const reply = await app.inject({ method: 'POST', url, payload: { messages, stream: true } });
  const received = events(reply.body);
  assert.equal(received.pop(), '[DONE]');
  assert.ok(received.every((chunk) => !Object.hasOwn(chunk as object, 'usage')));
});
