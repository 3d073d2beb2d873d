/** Tools in the chat: what the model is told, what its answer is held to, what a client reads. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import OpenAI from 'openai';
import type { ConstraintSource } from '../../src/engine/protocol.js';
import { errors } from '../../src/errors.js';
import { ChatCompletion } from '../../src/schemas/chat.js';
import type { ToolFormatName } from '../../src/text/answer-marks.js';
import { type BuildOptions, build, until } from '../helpers/app.js';
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

test('a stream has one delta a call and chunk, none of them empty, from the opening brace on', async (t) => {
  const text = `Well. ${call('weather', '{"city": "Rome"}')}\n${call('news', '{}')}`;
  const { client } = await connect(t, { answer: () => text });
  for (const more of [
    {},
    { logprobs: true, top_logprobs: 1 },
    { return_token_ids: true },
    { monitor: ['ocean'] },
  ]) {
    const stream = await client.chat.completions.create({
      model: 'tiny',
      messages,
      tools,
      stream: true,
      ...more,
    } as OpenAI.ChatCompletionCreateParamsStreaming);
    const args = ['', ''];
    let tokens = 0;
    for await (const { choices } of stream) {
      const { delta, finish_reason: finish, logprobs } = choices[0] ?? assert.fail('no choice');
      tokens += logprobs?.content?.length ?? 0;
      if (finish !== null) continue;
      assert.ok(delta.role || delta.content || delta.tool_calls, JSON.stringify(delta));
      // What a client reads that looks at the first entry only.
      const [first, second] = delta.tool_calls ?? [];
      assert.equal(second, undefined);
      if (first) args[first.index] += first.function?.arguments ?? '';
      if (first && !first.id) assert.ok(first.function?.arguments);
    }
    assert.deepEqual(args, ['{"city": "Rome"}', '{}']);
    if ('logprobs' in more) assert.equal(tokens, [...text].length);
  }
});

test('a call that is cut leaves no mark at any length, whole and streamed', async (t) => {
  const { client } = await connect(t, { answer: () => call('weather', '{"city": "Rome"}') });
  for (let max_tokens = 1; max_tokens <= 40; max_tokens++) {
    const body = { model: 'tiny', messages, tools, max_tokens };
    const [whole] = (await client.chat.completions.create(body)).choices;
    assert.equal(whole?.message.content ?? '', '', `${max_tokens}`);
    const streamed = await client.chat.completions.stream(body).finalChatCompletion();
    assert.equal(streamed.choices[0]?.message.content ?? '', '', `${max_tokens}`);
  }
});

test("the model's own form is read, and told of where its template knows no tools", async (t) => {
  const rows: [ToolFormatName, string][] = [
    ['llama3', '{"name": "weather", "parameters": {"city": "Rome"}}'],
    ['mistral', '[TOOL_CALLS][{"name": "weather", "arguments": {"city": "Rome"}}]'],
    ['phi', '<|tool_call|>[{"name": "weather", "arguments": {"city": "Rome"}}]<|/tool_call|>'],
    ['mistral_args', '[TOOL_CALLS]weather[ARGS]{"city": "Rome"}'],
    ['gemma', '<start_function_call>call:weather{city:<escape>Rome<escape>}<end_function_call>'],
    ['pythonic', '[weather(city="Rome")]'],
    ['xml', '<function=weather>\n<parameter=city>\nRome\n</parameter>\n</function>\n</tool_call>'],
    [
      'deepseek',
      '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>weather<｜tool▁sep｜>{"city": "Rome"}<｜tool▁call▁end｜>',
    ],
    ['smollm', '<tool_call>[{"name": "weather", "arguments": {"city": "Rome"}}]</tool_call>'],
    ['hermes', '{"name": "weather", "arguments": {"city": "Rome"}}'],
  ];
  for (const [toolFormat, text] of rows) {
    const { client, engine } = await connect(t, { answer: () => text, template: { toolFormat } });
    const { choices } = await client.chat.completions.create({ model: 'tiny', messages, tools });
    const [made] = choices[0]?.message.tool_calls ?? [];
    assert.ok(made?.type === 'function', toolFormat);
    assert.deepEqual(
      [made.function.name, JSON.parse(made.function.arguments)],
      ['weather', { city: 'Rome' }],
    );
    assert.equal(choices[0]?.message.content, null);
    const prompt = String.fromCodePoint(...(engine.requests[0]?.prompt ?? []));
    const told: Partial<Record<ToolFormatName, string>> = {
      llama3: '{"name": "NAME", "parameters": ARGUMENTS}',
      pythonic: '{"name": "NAME", "parameters": ARGUMENTS}',
      mistral_args: '[TOOL_CALLS]NAME[ARGS]ARGUMENTS',
      deepseek: '<｜tool▁sep｜>ARGUMENTS<｜tool▁call▁end｜>',
    };
    assert.ok(prompt.includes(told[toolFormat] ?? '{"name": "NAME", "arguments": ARGUMENTS}'), toolFormat);
  }
});

test('a tool that cannot be held to is loosened, its finished calls are validated, and the reply says so', async (t) => {
  const loose = {
    type: 'function' as const,
    function: {
      name: 'tag',
      parameters: { type: 'object', properties: { a: { type: 'array', uniqueItems: true } } },
    },
  };
  const { client, post } = await connect(t, { answer: () => call('tag', '{"a": [1, 1]}') });
  const whole = await post('/v1/chat/completions', { messages, tools: [loose] }, ChatCompletion);
  assert.deepEqual(whole.loosened_tools, [
    { tool: 'tag', path: 'schema.properties.a.uniqueItems', reason: 'is not supported here' },
  ]);
  assert.deepEqual(whole.choices[0]?.tool_call_faults, [
    { index: 0, at: '/a', message: 'must not have the same item twice' },
  ]);
  const response = await client.responses.create({
    model: 'tiny',
    input: 'Hi',
    tools: [{ type: 'function', strict: false, ...loose.function }],
  });
  assert.ok('loosened_tools' in response && 'tool_call_faults' in response);
  const chunks: object[] = [];
  for await (const chunk of await client.chat.completions.create({
    model: 'tiny',
    messages,
    tools: [loose],
    stream: true,
  }))
    chunks.push(chunk, ...chunk.choices);
  assert.equal(chunks.filter((one) => 'loosened_tools' in one).length, 1);
  assert.equal(chunks.filter((one) => 'tool_call_faults' in one).length, 1);
});

test('beside a format the answer is a call or in the format', async (t) => {
  let answer = call('weather', '{"city": "Rome"}');
  const { client, engine } = await connect(t, { answer: () => answer });
  const body = { model: 'tiny', messages, tools, response_format: { type: 'json_object' as const } };
  const called = await client.chat.completions.create(body);
  assert.equal(called.choices[0]?.finish_reason, 'tool_calls');
  // An answer that begins like a bare call is one only if it names a tool.
  answer = '{"name": "Ann", "parameters": {}}';
  const said = await client.chat.completions.create(body);
  assert.deepEqual([said.choices[0]?.message.content, said.choices[0]?.finish_reason], [answer, 'stop']);
  const constraint = engine.requests.at(-1)?.constraint;
  assert.ok(constraint?.kind === 'structural_tag' && constraint.tag.includes('weather'));
});

test('schemas that take too long to compile give way, but those of strict tools', async (t) => {
  const { engine, post, refused } = await connect(t, { answer: () => 'Hi' });
  let refusals = 0;
  const checked: ConstraintSource[] = [];
  Object.assign(engine, {
    async checkConstraint(source: ConstraintSource, field: string) {
      checked.push(source);
      if (refusals-- > 0) throw errors.constraintRefused(field, 'it takes too long to compile');
    },
  });
  const url = '/v1/chat/completions';
  const paths = async (more: object) =>
    (await post(url, { messages, tools, ...more }, ChatCompletion)).loosened_tools?.map(({ path }) => path);
  assert.equal(await paths({}), undefined);
  assert.equal(engine.requests.at(-1)?.constraint, checked[0]);
  refusals = 1;
  assert.deepEqual(await paths({ tool_choice: 'required' }), ['schema', 'schema']);
  assert.deepEqual(engine.requests.at(-1)?.constraint, checked.at(-1));
  refusals = 2;
  assert.deepEqual(await paths({}), ['schema', 'schema']);
  assert.equal(engine.requests.at(-1)?.constraint, undefined);
  refusals = 2;
  assert.equal((await refused(url, { messages, tools, tool_choice: 'required' })).code, 'constraint_refused');
  refusals = 1;
  const [first] = tools;
  const strict = [{ ...first, function: { ...first?.function, strict: true } }];
  assert.equal((await refused(url, { messages, tools: strict })).code, 'constraint_refused');
});

test('a request whose client has left leaves the queue of grammars to be checked', async (t) => {
  const { engine, client: openai } = await connect(t, { answer: () => 'Hi' });
  let told: AbortSignal | undefined;
  Object.assign(engine, {
    checkConstraint: (_: ConstraintSource, __: string, signal?: AbortSignal) =>
      new Promise<void>((_resolve, reject) => {
        told = signal;
        signal?.addEventListener('abort', () => reject(signal.reason));
      }),
  });
  const client = new AbortController();
  const asked = fetch(`${openai.baseURL}/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ messages, tools }),
    signal: client.signal,
  });
  await until(() => told !== undefined);
  client.abort();
  await assert.rejects(asked);
  await until(() => told?.aborted === true);
  assert.equal(engine.requests.length, 0);
});

test('what is suspended is told to the engine by the marks of its parts', async (t) => {
  const { client, engine, refused } = await connect(t, { answer: () => '{}' });
  const quietOf = async (suspend: readonly string[], more: object = {}) => {
    const steering = { items: [{ concept: 'pirate', strength: 1 }], suspend };
    await client.chat.completions.create({ model: 'tiny', messages, steering, ...more } as never);
    return engine.requests.at(-1)?.quiet;
  };
  const response_format = { type: 'json_object' };
  const whole = { fromStart: true, opens: [], closes: [] };
  const marked = { fromStart: false, opens: ['<tool_call>'], closes: ['</tool_call>'] };
  assert.equal(await quietOf(['tool_calls', 'json']), undefined);
  assert.equal(await quietOf([], { response_format, tools }), undefined);
  assert.deepEqual(await quietOf(['json'], { response_format }), whole);
  assert.deepEqual(await quietOf(['tool_calls'], { tools, tool_choice: 'required' }), whole);
  assert.deepEqual(await quietOf(['tool_calls'], { tools }), marked);
  assert.deepEqual(await quietOf(['tool_calls'], { tools, response_format }), marked);
  assert.deepEqual(await quietOf(['tool_calls', 'json'], { tools, response_format }), whole);
  const error = await refused('/v1/chat/completions', {
    messages,
    steering: { items: [], suspend: ['prose'] },
  });
  assert.match(error.message, /suspend.*must be "tool_calls" or "json"; received "prose"/);
});

test('functions and function_call are tools in older words, in histories too', async (t) => {
  const { client, engine } = await connect(t, { answer: () => call('weather', '{"city": "Rome"}') });
  const functions = tools.map((one) => one.function);
  const body = {
    model: 'tiny',
    functions,
    function_call: { name: 'weather' },
    messages: [
      ...messages,
      { role: 'assistant' as const, content: null, function_call: { name: 'news', arguments: '{}' } },
      { role: 'function' as const, name: 'news', content: 'none' },
    ],
  };
  const [choice] = (await client.chat.completions.create(body)).choices;
  assert.deepEqual(
    [choice?.message.function_call, choice?.message.tool_calls, choice?.finish_reason],
    [{ name: 'weather', arguments: '{"city": "Rome"}' }, undefined, 'function_call'],
  );
  const prompt = String.fromCodePoint(...(engine.requests[0]?.prompt ?? []));
  assert.ok(prompt.includes(`<assistant>${call('news', '{}')}\n<user><tool_response>\nnone`));
  const streamed = { name: '', arguments: '' };
  for await (const { choices } of await client.chat.completions.create({ ...body, stream: true })) {
    const delta = choices[0]?.delta.function_call;
    streamed.name += delta?.name ?? '';
    streamed.arguments += delta?.arguments ?? '';
  }
  assert.deepEqual(streamed, { name: 'weather', arguments: '{"city": "Rome"}' });
});

test('a stop string inside a call, or its closing mark, does not cut it', async (t) => {
  const call = '<tool_call>\n{"name": "f", "arguments": {"a": "stop"}}\n</tool_call>';
  const { post } = await build(t, { answer: () => `So: ${call}\nstop more` });
  const tools = [{ type: 'function', function: { name: 'f' } }];
  for (const stop of ['</tool_call>', 'stop', '}', '"a"']) {
    const { choices } = await post(
      '/v1/chat/completions',
      { messages: [{ role: 'user', content: 'Hi' }], tools, stop },
      ChatCompletion,
    );
    const [made] = choices[0]?.message.tool_calls ?? [];
    assert.deepEqual(JSON.parse(made?.function.arguments ?? 'null'), { a: 'stop' }, stop);
  }
});

test('arguments that are no object are told as they are where they are text, and not where they are an object', async (t) => {
  for (const args of ['[1, 2]', '"x"', `${'{"a":'.repeat(300)}1${'}'.repeat(300)}`]) {
    const { app } = await build(t, {
      capacity: 65_536,
      answer: () => `<tool_call>{"name": "f", "arguments": ${args}}</tool_call>`,
    });
    const asked = { messages: [{ role: 'user', content: 'Hi' }], stream: false };
    const parameters = { type: 'object' };
    for (const [url, more] of [
      ['/v1/chat/completions', { tools: [{ type: 'function', function: { name: 'f', parameters } }] }],
      ['/api/chat', { tools: [{ type: 'function', function: { name: 'f', parameters } }] }],
      ['/v1/messages', { tools: [{ name: 'f', input_schema: parameters }], max_tokens: 40_000 }],
    ] as const)
      for (const stream of [false, true]) {
        const reply = await app.inject({ method: 'POST', url, payload: { ...asked, ...more, stream } });
        assert.equal(reply.statusCode, 200, `${url} ${reply.body.slice(0, 300)}`);
        assert.doesNotMatch(reply.body, /internal_error|the server failed/);
      }
  }
});
