/** Functions and log-probabilities in the Responses API, as the official client reads them. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type OpenAI from 'openai';
import { ResponseObject } from '../../src/schemas/responses.js';
import type { BuildOptions } from '../helpers/app.js';
import { connect as connectClient } from '../helpers/openai-client.js';

const tool = (name: string): OpenAI.Responses.FunctionTool => ({
  type: 'function',
  name,
  description: `Does ${name}`,
  strict: true,
  parameters: {
    type: 'object',
    properties: { city: { type: 'string' } },
    required: ['city'],
    additionalProperties: false,
  },
});
const tools = [tool('weather'), tool('news')];
const call = (name: string, args: string) =>
  `<tool_call>\n{"name": "${name}", "arguments": ${args}}\n</tool_call>`;

const connect = (t: TestContext, options: BuildOptions = {}) =>
  connectClient(t, { capacity: 4096, ...options });

const shapeOf = (items: readonly OpenAI.Responses.ResponseOutputItem[]) =>
  items.map((item) => {
    if (item.type === 'function_call') return [item.type, item.name, item.arguments, item.status];
    return item.type === 'message'
      ? [item.type, item.content.map((part) => ('text' in part ? part.text : ''))]
      : [];
  });

test('calls are output items, whole and streamed, in the order of the answer', async (t) => {
  const first = '{"city": "a } b"}';
  const second = '{"city": "Rom"}';
  const answers: [string, unknown[]][] = [
    ['Just < text.', [['message', ['Just < text.']]]],
    [call('weather', first), [['function_call', 'weather', first, 'completed']]],
    [
      `Let me see. ${call('weather', first)}\n${call('news', second)} Done.`,
      [
        ['message', ['Let me see. ']],
        ['function_call', 'weather', first, 'completed'],
        ['function_call', 'news', second, 'completed'],
        ['message', ['Done.']],
      ],
    ],
    ['', [['message', ['']]]],
  ];
  let answer = '';
  const { client } = await connect(t, { answer: () => answer });
  for (const [text, items] of answers) {
    answer = text;
    const body = { model: 'tiny', input: 'Hi', tools };
    const plain = await client.responses.create(body);
    assert.deepEqual(shapeOf(plain.output), items);
    assert.deepEqual([plain.status, plain.tool_choice, plain.tools.length], ['completed', 'auto', 2]);
    const streamed = await client.responses.stream(body).finalResponse();
    assert.deepEqual(shapeOf(streamed.output), shapeOf(plain.output));

    // What the events tell adds up to the items.
    const told: OpenAI.Responses.ResponseOutputItem[] = [];
    const open = new Map<number, { id: string; text: string }>();
    let sequence = 0;
    for await (const event of await client.responses.create({ ...body, stream: true })) {
      assert.equal(event.sequence_number, sequence++);
      if (event.type === 'response.output_item.added') {
        assert.equal(event.output_index, open.size);
        open.set(event.output_index, { id: event.item.id ?? '', text: '' });
      } else if (
        event.type === 'response.output_text.delta' ||
        event.type === 'response.function_call_arguments.delta'
      ) {
        const item = open.get(event.output_index);
        assert.ok(item && item.id === event.item_id);
        item.text += event.delta;
      } else if (event.type === 'response.function_call_arguments.done') {
        assert.equal(event.arguments, open.get(event.output_index)?.text);
        assert.ok(['weather', 'news'].includes(event.name));
      } else if (event.type === 'response.output_text.done') {
        assert.equal(event.text, open.get(event.output_index)?.text);
      } else if (event.type === 'response.output_item.done') told.push(event.item);
    }
    assert.deepEqual(shapeOf(told), shapeOf(plain.output));
    assert.equal(new Set([...open.values()].map(({ id }) => id)).size, told.length);
  }
});

test('a call that is cut is incomplete, and so is the response', async (t) => {
  const { client } = await connect(t, { answer: () => call('weather', '{"city": "Rome"}') });
  const cut = await client.responses.create({ model: 'tiny', input: 'Hi', tools, max_output_tokens: 52 });
  assert.equal(cut.status, 'incomplete');
  const [item] = cut.output;
  assert.ok(item?.type === 'function_call' && item.status === 'incomplete');
  assert.ok('{"city": "Rome"}'.startsWith(item.arguments));
});

test('a conversation goes on from calls and their outputs, as it does in the chat', async (t) => {
  const { client, engine } = await connect(t);
  const answered = { id: 'msg_1', type: 'message', role: 'assistant', status: 'completed' } as const;
  await client.responses.create({
    model: 'tiny',
    instructions: 'Be kind.',
    tools,
    input: [
      { role: 'user', content: 'Weather?' },
      { ...answered, content: [{ type: 'output_text', text: 'Let me see.', annotations: [] }] },
      { type: 'function_call', id: 'fc_1', call_id: 'c1', name: 'weather', arguments: '{"city":"Rome"}' },
      { type: 'function_call_output', call_id: 'c1', output: 'sunny' },
    ],
  });
  await client.chat.completions.create({
    model: 'tiny',
    tools: tools.map(({ name, description, parameters }) => ({
      type: 'function' as const,
      function: { name, description: description ?? '', parameters: parameters ?? {} },
    })),
    messages: [
      { role: 'system', content: 'Be kind.' },
      { role: 'user', content: 'Weather?' },
      {
        role: 'assistant',
        content: 'Let me see.',
        tool_calls: [
          { id: 'c1', type: 'function', function: { name: 'weather', arguments: '{"city":"Rome"}' } },
        ],
      },
      { role: 'tool', tool_call_id: 'c1', content: 'sunny' },
    ],
  });
  const [mine, theirs] = engine.requests.map(({ prompt, constraint }) => ({
    prompt: String.fromCodePoint(...prompt),
    constraint,
  }));
  assert.deepEqual(mine, theirs);
});

test('tool_choice and what cannot be, in the words of this endpoint', async (t) => {
  const { client, engine, refused } = await connect(t);
  await client.responses.create({
    model: 'tiny',
    input: 'Hi',
    tools,
    tool_choice: { type: 'function', name: 'news' },
  });
  const constraint = engine.requests.at(-1)?.constraint;
  assert.ok(constraint?.kind === 'grammar' && !constraint.source.includes('weather'));
  await client.responses.create({ model: 'tiny', input: 'Hi', tools, tool_choice: 'none' });
  assert.equal(engine.requests.at(-1)?.constraint, undefined);
  const bad = { ...tool('f'), parameters: { type: 'object', not: {} } };
  for (const [more, param] of [
    [{ tools: [bad] }, 'tools.0.parameters'],
    [{ tools, tool_choice: { type: 'function', name: 'nope' } }, 'tool_choice.name'],
    [{ tools: [tool('a'), tool('a')] }, 'tools'],
    [{ tools: [tool('no spaces')] }, 'tools.0.name'],
  ] as const) {
    const error = await refused('/v1/responses', { input: 'Hi', ...more });
    assert.deepEqual([error.status, error.param], [400, param], error.message);
  }
});

test('log-probabilities come where they are included, token by token, streamed too', async (t) => {
  const { client, post } = await connect(t);
  const body = {
    model: 'tiny',
    input: 'Hi',
    include: ['message.output_text.logprobs' as const],
    top_logprobs: 2,
  };
  await post('/v1/responses', body, ResponseObject.strict());
  const plain = await client.responses.create(body);
  const logprobsOf = (response: OpenAI.Responses.Response) => {
    const [item] = response.output;
    assert.ok(item?.type === 'message' && item.content[0]?.type === 'output_text');
    return item.content[0].logprobs ?? [];
  };
  const tokens = logprobsOf(plain);
  assert.equal(tokens.map(({ token }) => token).join(''), plain.output_text);
  for (const { top_logprobs } of tokens) assert.equal(top_logprobs.length, 2);
  const streamed: string[] = [];
  for await (const event of await client.responses.create({ ...body, stream: true })) {
    if (event.type === 'response.output_text.delta')
      streamed.push(...event.logprobs.map(({ token }) => token));
    if (event.type === 'response.completed') assert.deepEqual(logprobsOf(event.response), tokens);
  }
  assert.equal(streamed.join(''), plain.output_text);
  assert.deepEqual(logprobsOf(await client.responses.create({ model: 'tiny', input: 'Hi' })), []);
});
