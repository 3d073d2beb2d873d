import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Completion, CompletionChunk } from '../../src/schemas/completions.js';
import { build } from '../helpers/app.js';
import { events } from '../helpers/sse.js';

const url = '/v1/completions';

test("a text is continued, 16 tokens if nothing is said, with OpenAI's shape", async (t) => {
  const { post, engine } = await build(t, { answer: () => ' and so it went on for ever' });
  const reply = await post(url, { prompt: 'Once' }, Completion.strict());
  assert.match(reply.id, /^cmpl-/);
  assert.deepEqual(reply.choices, [
    { text: ' and so it went ', index: 0, logprobs: null, finish_reason: 'length' },
  ]);
  assert.deepEqual(reply.usage, {
    prompt_tokens: 5,
    completion_tokens: 16,
    total_tokens: 21,
    prompt_tokens_details: { cached_tokens: 0 },
  });
  // The tokenizer's own beginning is there: no template wrote one.
  assert.equal(engine.requests[0]?.prompt[0], 2);
});

test('the usual length gives way to a nearly full context', async (t) => {
  const { post, engine } = await build(t, { capacity: 10 });
  await post(url, { prompt: '1234567' }, Completion);
  assert.equal(engine.requests[0]?.maxTokens, 2);
});

test('prompts of every form are answered in order, n choices each, with the seed of each choice', async (t) => {
  const answer = (prompt: string, { sampling }: { sampling: { seed: number } }) =>
    `${prompt}${sampling.seed}`;
  const { post } = await build(t, { answer });
  const forms: [object | string, string[]][] = [
    ['ab', ['ab5', 'ab6']],
    [
      ['ab', 'c'],
      ['ab5', 'ab6', 'c5', 'c6'],
    ],
    [
      [97, 98],
      ['ab5', 'ab6'],
    ],
    [
      [[97, 98], [99]],
      ['ab5', 'ab6', 'c5', 'c6'],
    ],
  ];
  for (const [prompt, texts] of forms) {
    const { choices } = await post(url, { prompt, n: 2, seed: 5 }, Completion);
    assert.deepEqual(
      choices.map(({ text }) => text),
      texts,
    );
    assert.deepEqual(
      choices.map(({ index }) => index),
      texts.map((_, i) => i),
    );
  }
});

test('a batch counts each prompt once', async (t) => {
  const { post } = await build(t, { answer: () => 'xyz' });
  const { usage } = await post(url, { prompt: [[97, 98], [99]], n: 2 }, Completion);
  assert.deepEqual(usage, {
    prompt_tokens: 3,
    completion_tokens: 12,
    total_tokens: 15,
    prompt_tokens_details: { cached_tokens: 0 },
  });
});

test('a stream brings the same texts; the receipt comes first', async (t) => {
  const { app } = await build(t, { answer: (prompt) => `${prompt}!` });
  const payload = { prompt: ['ab', 'c'], stream: true, concept: 'ocean', strength: 1 };
  const received = events((await app.inject({ method: 'POST', url, payload })).body);
  assert.equal(received.pop(), '[DONE]');
  const chunks = received.map((chunk) => CompletionChunk.strict().parse(chunk));
  assert.equal(chunks[0]?.steering?.length, 1);
  assert.ok(chunks.slice(1).every(({ steering }) => steering === undefined));
  const choices = chunks.flatMap((chunk) => chunk.choices);
  for (const [index, text] of ['ab!', 'c!'].entries()) {
    const own = choices.filter((choice) => choice.index === index);
    assert.equal(own.map((choice) => choice.text).join(''), text);
    assert.equal(own.at(-1)?.finish_reason, 'stop');
  }
});
