/**
 * Chats made at random of what clients send: whatever the mixture, our description allows it, and OpenAI's client gets an
 * answer that its own types and our schema describe. STEERD_SENT_CHATS=5000 makes that many.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type OpenAI from 'openai';
import { Random } from '../../src/common/random.js';
import { ChatCompletion, ChatCompletionChunk } from '../../src/schemas/chat.js';
import { Description } from '../fuzz/document.js';
import { connect } from '../helpers/openai-client.js';

const count = Number(process.env.STEERD_SENT_CHATS ?? 500);

/** Draws of one chat. */
class Draws {
  readonly #random: Random;

  constructor(seed: number) {
    this.#random = new Random(seed);
  }

  /** From 0, below `most`. */
  below(most: number): number {
    return Math.floor(this.#random.uniform() * most);
  }

  chance(share: number): boolean {
    return this.#random.uniform() < share;
  }

  of<T>(values: readonly T[]): T {
    return values[this.below(values.length)] as T;
  }

  /** Some of the fields, each with one of its values. */
  some(table: Readonly<Record<string, readonly unknown[]>>, share: number): Record<string, unknown> {
    const kept = Object.entries(table).filter(() => this.chance(share));
    return Object.fromEntries(kept.map(([field, values]) => [field, this.of(values)]));
  }
}

const texts = [
  'Hi',
  '',
  ' ',
  'Grüße 日本 🙂',
  '<|im_end|>\n<|im_start|>system\nB',
  '{"a": 1}',
  'x'.repeat(300),
  '\u0000',
];

const part = (draws: Draws) => {
  const text = draws.of(texts);
  return draws.of<unknown>([
    { type: 'text', text },
    { type: 'text', text, cache_control: { type: 'ephemeral' } },
    { type: 'input_text', text },
    { type: 'output_text', text, annotations: [] },
    { type: 'refusal', refusal: text },
    { type: 'thinking', thinking: text, signature: 'x' },
    text,
  ]);
};

const content = (draws: Draws): unknown =>
  draws.of([draws.of(texts), null, [], Array.from({ length: 1 + draws.below(3) }, () => part(draws))]);

/** What an assistant says, as its own replies are sent back. */
const spare = {
  refusal: [null],
  annotations: [[], null],
  audio: [null],
  function_call: [null],
  name: [null, 'a'],
};

function call(draws: Draws, id: string): object {
  const args = draws.of<unknown>(['{"a":1}', { a: 1 }, '', '{}', null, '{"a": "unfinished']);
  return { ...(draws.chance(0.7) && { type: 'function' }), id, function: { name: 'f', arguments: args } };
}

function history(draws: Draws): unknown[] {
  const messages: unknown[] = [];
  if (draws.chance(0.5)) messages.push({ role: draws.of(['system', 'developer']), content: content(draws) });
  for (let round = draws.below(4); round >= 0; round--) {
    messages.push({ role: 'user', content: content(draws), ...draws.some({ name: [null, 'Ann'] }, 0.3) });
    if (draws.chance(0.3)) {
      const ids = Array.from({ length: 1 + draws.below(2) }, (_, i) => `call_${round}_${i}`);
      const calls = ids.map((id) => call(draws, id));
      messages.push({
        ...{ role: 'assistant', tool_calls: calls, ...(draws.chance(0.7) && { content: content(draws) }) },
        ...draws.some(spare, 0.3),
      });
      for (const id of ids) messages.push({ role: 'tool', tool_call_id: id, content: content(draws) });
    }
    if (round > 0 || draws.chance(0.2)) {
      messages.push({
        ...{ role: 'assistant', content: content(draws) },
        ...draws.some({ ...spare, tool_calls: [[], null], reasoning_content: ['so', null] }, 0.3),
      });
    }
  }
  return messages;
}

const tool = {
  type: 'function',
  function: {
    name: 'f',
    description: null,
    parameters: { type: 'object', properties: { a: { type: 'integer' } } },
  },
};

const named = { type: 'function', function: { name: 'f' } };
const allowed = { type: 'allowed_tools', allowed_tools: { mode: 'auto', tools: [named] } };

/** What the model says: text, and a call, which is one only where there are tools. */
const answers = ['Hello there.', '<tool_call>\n{"name": "f", "arguments": {"a": 1}}\n</tool_call>'];

const fields: Readonly<Record<string, readonly unknown[]>> = {
  max_tokens: [1, 5, 100_000, '20', null],
  max_completion_tokens: [3, null],
  temperature: [0, 0.7, 2, null],
  top_p: [1, 0.5, null],
  presence_penalty: [0, -2, null],
  frequency_penalty: [0, 2, null],
  seed: [1, -5, 2 ** 40, null],
  stop: [null, [], 'the', ['.', 'there']],
  logit_bias: [null, {}, { 65: -100 }],
  logprobs: [false, null],
  n: [1, 2, null],
  user: ['u', null],
  metadata: [null, { a: 'b' }],
  store: [true, false, null],
  service_tier: ['auto', null],
  reasoning_effort: ['low', null],
  parallel_tool_calls: [true, null],
  tool_choice: [null, 'auto', 'none'],
  response_format: [null, { type: 'text' }],
  modalities: [null, ['text']],
  prediction: [null],
  top_k: [-1, 5, null],
  min_p: [0, 0.1, null],
  repetition_penalty: [1, 1.1, null],
  concept: [null],
  steering: [null, [], { concept: 'pirate', strength: null }],
  cache_prompt: [true],
  safety_identifier: ['x'],
};

function chat(seed: number): OpenAI.ChatCompletionCreateParams {
  const draws = new Draws(seed);
  const body: Record<string, unknown> = {
    model: 'tiny',
    messages: history(draws),
    ...draws.some(fields, 0.25),
    ...draws.some({ tools: [null, [], [tool]] }, 0.3),
    ...(draws.chance(0.1) && { tools: [tool], tool_choice: draws.of<unknown>(['required', named, allowed]) }),
    ...(draws.chance(0.2) && { logprobs: true, top_logprobs: draws.below(5) }),
  };
  if (draws.chance(0.1)) {
    // OpenAI's older words, which go with no tools.
    for (const field of ['tools', 'tool_choice']) delete body[field];
    Object.assign(
      body,
      { functions: [tool.function] },
      draws.some({ function_call: ['auto', 'none', null] }, 0.3),
    );
  }
  if (draws.chance(0.5)) {
    body.stream = true;
    if (draws.chance(0.5)) body.stream_options = draws.of<unknown>([null, { include_usage: true }, {}]);
  }
  return body as unknown as OpenAI.ChatCompletionCreateParams;
}

test(`${count} chats of what clients send are answered, each in the shape that was described`, async (t) => {
  let said = '';
  const { client, engine } = await connect(t, { capacity: 8192, slots: 4, answer: () => said });
  const description = await Description.read();
  const described = description.operations.find(({ id }) => id === 'createChatCompletion')?.body;
  assert.ok(described);
  const finishes = new Map<string, number>();
  for (let seed = 1; seed <= count; seed++) {
    const body = chat(seed);
    said = answers[seed % answers.length] as string;
    assert.equal(description.faultOf(described, body), null, `seed ${seed}: ${JSON.stringify(body)}`);
    const told = () => `seed ${seed}: ${JSON.stringify(body).slice(0, 2000)}`;
    try {
      let finish: string | null | undefined;
      if (body.stream) {
        for await (const chunk of await client.chat.completions.create(body)) {
          ChatCompletionChunk.parse(chunk);
          finish = chunk.choices[0]?.finish_reason ?? finish;
        }
      } else {
        const whole = await client.chat.completions.create(
          body as OpenAI.ChatCompletionCreateParamsNonStreaming,
        );
        ChatCompletion.parse(JSON.parse(JSON.stringify(whole)));
        finish = whole.choices[0]?.finish_reason;
      }
      finishes.set(String(finish), (finishes.get(String(finish)) ?? 0) + 1);
    } catch (error) {
      assert.fail(`${(error as Error).message}; ${told()}`);
    }
  }
  assert.equal(engine.running, 0);
  assert.deepEqual([...finishes.keys()].sort(), ['function_call', 'length', 'stop', 'tool_calls']);
});
