/** The official client is the judge of our shapes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import OpenAI from 'openai';
import { errors } from '../../src/errors.js';
import { until } from '../helpers/app.js';
import { connect } from '../helpers/openai-client.js';

const messages = [{ role: 'user' as const, content: 'Hi' }];

/** What our fields look like to a typed client. */
const steered = { concept: 'pirate', strength: 1 };

test('chat: plain, and streamed with the helper that puts the answer together', async (t) => {
  const { client } = await connect(t);
  const plain = await client.chat.completions.create({ model: 'tiny', messages, ...steered });
  assert.equal(plain.choices[0]?.message.content, 'Hello there.');
  assert.equal((plain as unknown as { steering: unknown[] }).steering.length, 1);

  const runner = client.chat.completions.stream({
    model: 'tiny',
    messages,
    stream_options: { include_usage: true },
  });
  const final = await runner.finalChatCompletion();
  assert.equal(final.choices[0]?.message.content, 'Hello there.');
  assert.equal(final.choices[0]?.finish_reason, 'stop');
  assert.deepEqual(final.usage, plain.usage);
});

test('text completions: plain and streamed', async (t) => {
  const { client } = await connect(t);
  const plain = await client.completions.create({ model: 'tiny', prompt: 'a', max_tokens: 5 });
  assert.equal(plain.choices[0]?.text, 'Hello');
  let text = '';
  const stream = await client.completions.create({ model: 'tiny', prompt: 'a', max_tokens: 5, stream: true });
  for await (const chunk of stream) text += chunk.choices[0]?.text ?? '';
  assert.equal(text, 'Hello');
});

test('models are listed and retrieved', async (t) => {
  const { client } = await connect(t);
  const ids: string[] = [];
  for await (const model of client.models.list()) ids.push(model.id);
  assert.deepEqual(ids, ['tiny']);
  assert.equal((await client.models.retrieve('tiny')).owned_by, 'steerd');
});

test("errors are the client's typed ones", async (t) => {
  let refusal: Error | undefined;
  const { client } = await connect(t, { refuse: () => refusal });
  await assert.rejects(
    client.chat.completions.create({ model: 'tiny', messages: [] }),
    (error) => error instanceof OpenAI.BadRequestError && error.param === 'messages',
  );
  await assert.rejects(
    client.chat.completions.create({ model: 'other', messages }),
    (error) => error instanceof OpenAI.NotFoundError && error.code === 'model_not_found',
  );
  refusal = errors.queueFull(1, 1);
  await assert.rejects(client.chat.completions.create({ model: 'tiny', messages }), OpenAI.RateLimitError);
});

test('a stream that breaks rejects with what the server said', async (t) => {
  const { client } = await connect(t, { answer: () => ['a', errors.engineFailed('tiny', 'out of memory')] });
  const stream = await client.chat.completions.create({ model: 'tiny', messages, stream: true });
  await assert.rejects(async () => {
    for await (const _ of stream);
  }, /failed while running/);
});

test('aborting a stream frees the slot', async (t) => {
  const { client, engine } = await connect(t, {
    answer: () => 'x'.repeat(400),
    pace: () => new Promise((resolve) => setTimeout(resolve, 5)),
  });
  const stream = await client.chat.completions.create({ model: 'tiny', messages, stream: true });
  for await (const chunk of stream) {
    if (chunk.choices[0]?.delta.content) break;
  }
  await until(() => engine.running === 0);
  assert.equal(engine.left, 1);
});
