/** Tools in the chat: what the model is told, what its answer is held to, what a client reads. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import OpenAI from 'openai';
import type { BuildOptions } from '../helpers/app.js';
import { connect as connectClient } from '../helpers/openai-client.js';

const messages = [{ role: 'user' as const, content: 'Weather?' }];
const tool = (name: string) => ({
  type: 'function' as const,
  function: {
    name,
    description: `Does ${name}`,
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
});
const tools = [tool('weather'), tool('news')];
const call = (name: string, args: string) =>
  `<tool_call>\n{"name": "${name}", "arguments": ${args}}\n</tool_call>`;

const connect = (t: TestContext, options: BuildOptions = {}) =>
  connectClient(t, { capacity: 4096, ...options });

test('calls come back as tool_calls, whole and streamed, text around them as content', async (t) => {
  const first = '{"city": "a } b"}';
  const answers = {
    plain: 'Just < text.',
    one: call('weather', first),
    two: `Let me see. ${call('weather', first)}\n${call('news', '{"city": "Rom"}')}`,
  };
  let answer = '';
  const { client } = await connect(t, { answer: () => answer });
  for (const [name, text] of Object.entries(answers)) {
    answer = text;
    const plain = await client.chat.completions.create({ model: 'tiny', messages, tools });
    const [choice] = plain.choices;
    const calls = choice?.message.tool_calls ?? [];
    assert.equal(calls.length, { plain: 0, one: 1, two: 2 }[name]);
    assert.equal(choice?.finish_reason, name === 'plain' ? 'stop' : 'tool_calls');
    assert.equal(choice?.message.content, { plain: 'Just < text.', one: null, two: 'Let me see. ' }[name]);
    const final = await client.chat.completions
      .stream({ model: 'tiny', messages, tools })
      .finalChatCompletion();
    const shape = (list: readonly OpenAI.ChatCompletionMessageToolCall[] = []) =>
      list.map((one) => (one.type === 'function' ? [one.function.name, one.function.arguments] : []));
    assert.deepEqual(shape(final.choices[0]?.message.tool_calls), shape(calls));
    assert.equal(final.choices[0]?.message.content ?? null, choice?.message.content);
    assert.equal(final.choices[0]?.finish_reason, choice?.finish_reason);
    if (name === 'two')
      assert.deepEqual(shape(calls), [
        ['weather', first],
        ['news', '{"city": "Rom"}'],
      ]);
  }
});

test('a call that is cut is there as far as it came, with finish reason length', async (t) => {
  const { client } = await connect(t, { answer: () => call('weather', '{"city": "Rome"}') });
  const reply = await client.chat.completions.create({ model: 'tiny', messages, tools, max_tokens: 52 });
  const [choice] = reply.choices;
  assert.equal(choice?.finish_reason, 'length');
  const [cut] = choice?.message.tool_calls ?? [];
  assert.ok(cut?.type === 'function' && '{"city": "Rome"}'.startsWith(cut.function.arguments));
});

test('a template without tools gets them in the system message; calls and results stay in the conversation', async (t) => {
  const { client, engine } = await connect(t);
  const conversation: OpenAI.ChatCompletionMessageParam[] = [
    { role: 'system', content: 'Be kind.' },
    ...messages,
    {
      role: 'assistant',
      content: null,
      tool_calls: [
        { id: 'c1', type: 'function', function: { name: 'weather', arguments: '{"city":"Rome"}' } },
      ],
    },
    { role: 'tool', tool_call_id: 'c1', content: 'sunny' },
  ];
  await client.chat.completions.create({ model: 'tiny', messages: conversation, tools });
  const prompt = String.fromCodePoint(...(engine.requests[0]?.prompt ?? []));
  assert.match(prompt, /^<system>Be kind\.\n\nYou can call these functions:\n\{"name":"weather",/);
  assert.ok(prompt.includes(`<assistant>${call('weather', '{"city":"Rome"}')}\n`));
  assert.ok(prompt.endsWith('<user><tool_response>\nsunny\n</tool_response>\n<assistant>'));
});

test('tool_choice decides what the answer is held to', async (t) => {
  const { client, engine } = await connect(t);
  const formatOf = async (more: object) => {
    await client.chat.completions.create({ model: 'tiny', messages, tools, ...more });
    const constraint = engine.requests.at(-1)?.constraint;
    if (constraint === undefined) return null;
    assert.ok(constraint.kind === 'structural_tag');
    return (JSON.parse(constraint.tag) as { format: Record<string, unknown> & { tags: unknown[] } }).format;
  };
  assert.equal(await formatOf({ tool_choice: 'none' }), null);
  assert.equal((await formatOf({}))?.type, 'triggered_tags');
  const grammarOf = async (more: object) => {
    await client.chat.completions.create({ model: 'tiny', messages, tools, ...more });
    const constraint = engine.requests.at(-1)?.constraint;
    assert.ok(constraint?.kind === 'grammar');
    return constraint.source;
  };
  // What the grammars let through: test/json-grammar/tool-grammars.test.ts.
  assert.match(await grammarOf({ tool_choice: 'required', parallel_tool_calls: false }), /weather.*news/s);
  const named = await grammarOf({ tool_choice: { type: 'function', function: { name: 'news' } } });
  assert.doesNotMatch(named, /weather/);
});

test('tools that cannot be are bad requests', async (t) => {
  const { client, engine } = await connect(t);
  const bad: [object, string][] = [
    [{ tools: [tool('weather'), tool('weather')] }, 'tools'],
    [{ tools: [tool('no spaces')] }, 'tools.0.function.name'],
    [{ tools, tool_choice: { type: 'function', function: { name: 'nope' } } }, 'tool_choice.function.name'],
    [{ tools, functions: [{ name: 'f' }] }, 'functions'],
    [
      {
        tools: [
          tool('a'),
          {
            type: 'function',
            function: { name: 'f', strict: true, parameters: { type: 'object', not: {} } },
          },
        ],
      },
      'tools.1.function.parameters',
    ],
  ];
  for (const [more, param] of bad) {
    await assert.rejects(
      client.chat.completions.create({ model: 'tiny', messages, ...more }),
      (error) => error instanceof OpenAI.BadRequestError && error.param === param,
      JSON.stringify(more),
    );
  }
  assert.equal(engine.requests.length, 0);
});
