/** Bodies as clients send them: nulls, histories, other servers' names; limits and defaults as people expect them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ChatCompletion, ChatCompletionChunk } from '../../src/schemas/chat.js';
import { Completion } from '../../src/schemas/completions.js';
import { Detokenized, Tokenized } from '../../src/schemas/tokenize.js';
import { build } from '../helpers/app.js';

const chat = '/v1/chat/completions';
const user = { role: 'user', content: 'Hi' };
const promptOf = (prompt: readonly number[] | undefined) => String.fromCodePoint(...(prompt ?? []));

test('null means not given, everywhere', async (t) => {
  const { post, engine } = await build(t);
  const nulls = Object.fromEntries(
    [
      ...['concept', 'strength', 'steering', 'monitor', 'max_tokens', 'temperature', 'top_p', 'stop', 'seed'],
      ...['tools', 'tool_choice', 'response_format', 'stream', 'stream_options', 'logit_bias', 'n', 'user'],
      ...[
        'logprobs',
        'structured_outputs',
        'functions',
        'function_call',
        'guided_json',
        'n_predict',
        'grammar',
      ],
    ].map((field) => [field, null]),
  );
  await post(chat, { messages: [user], ...nulls }, ChatCompletion);
  const steered = { concept: 'pirate', strength: null, layers: null, positions: null };
  const { steering } = await post(chat, { messages: [user], steering: steered }, ChatCompletion);
  assert.equal(steering?.[0]?.strength, 1);
  const format = { type: 'json_schema', json_schema: { name: null, description: null, schema: null } };
  const { app } = await build(t, { answer: () => '{}' });
  const reply = await app.inject({
    method: 'POST',
    url: chat,
    payload: { messages: [user], response_format: format },
  });
  assert.equal(reply.statusCode, 200, reply.body);
  assert.equal(engine.requests.length, 2);
});

test('histories have what clients keep in them', async (t) => {
  const { post, engine } = await build(t);
  const call = { id: 'c', function: { name: 'f', arguments: { a: 1 } } };
  const messages = [
    { role: 'user', content: ['Hi', { type: 'input_text', text: 'there' }] },
    { role: 'assistant', content: null, tool_calls: [], refusal: null, function_call: null },
    { role: 'assistant', content: [], tool_calls: [call] },
    { role: 'tool', tool_call_id: 'c', content: null },
    {
      role: 'assistant',
      content: [
        { type: 'thinking', thinking: 'secret' },
        { type: 'refusal', refusal: 'No.' },
        { type: 'output_text', text: 'Yes.', annotations: [] },
      ],
    },
    { role: 'assistant', refusal: 'Never.' },
    { role: 'user', content: [{ type: 'text', text: null }] },
  ];
  await post(chat, { messages, max_tokens: '7' }, ChatCompletion);
  const [request] = engine.requests;
  const prompt = promptOf(request?.prompt);
  assert.equal(request?.maxTokens, 7);
  for (const said of ['Hi\nthere', '{"name": "f", "arguments": {"a":1}}', 'No.\nYes.', 'Never.'])
    assert.ok(prompt.includes(said), `${said} in ${prompt}`);
  assert.doesNotMatch(prompt, /secret|null|undefined/);
});

test('arguments of earlier calls may be any text, however deep', async (t) => {
  const { app } = await build(t, { capacity: 100_000, template: { takesTools: true } });
  const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
  for (const args of [deep, '{"a": ', 'null', '5']) {
    const calls = [{ id: 'c', type: 'function', function: { name: 'f', arguments: args } }];
    const messages = [user, { role: 'assistant', tool_calls: calls }, user];
    const reply = await app.inject({ method: 'POST', url: chat, payload: { messages } });
    assert.equal(reply.statusCode, 200, reply.body);
  }
});

test('a part that is null is no part that says nothing: it is refused at its place', async (t) => {
  const { refused } = await build(t);
  const parts = [{ type: 'text', text: 'Hi' }, null, 'there'];
  for (const content of [[null], parts, parts.slice(1)]) {
    const error = await refused('/tokenize', { messages: [{ role: 'user', content }] });
    assert.match(error.message, new RegExp(`^messages.0.content.${content.indexOf(null)} must be`));
  }
});

test("other servers' names mean ours", async (t) => {
  const { post, engine } = await build(t, { answer: () => 'ab' });
  await post(chat, { messages: [user], n_predict: 5, repeat_penalty: 1.5, regex: 'a?b?' }, ChatCompletion);
  const [first] = engine.requests;
  assert.deepEqual([first?.maxTokens, first?.sampling.repetitionPenalty], [5, 1.5]);
  assert.equal(first?.constraint?.kind, 'grammar');
  await post(chat, { messages: [user], n_predict: -1 }, ChatCompletion);
  for (const field of ['grammar', 'ebnf', 'guided_grammar'])
    await post(chat, { messages: [user], [field]: 'root ::= "ab"' }, ChatCompletion);
  await post(chat, { messages: [user], guided_choice: ['ab', 'c'] }, ChatCompletion);
  assert.ok(engine.requests.slice(2).every(({ constraint }) => constraint !== undefined));
  const json = await build(t, { answer: () => '{"a":1}' });
  const schema = { type: 'object', properties: { a: { type: 'integer' } }, required: ['a'] };
  for (const asked of [
    { guided_json: schema },
    { json_schema: schema },
    { response_format: { type: 'json_object', schema } },
    { response_format: { type: 'json_schema', schema } },
    { structured_outputs: { json: schema } },
  ])
    await json.post(chat, { messages: [user], ...asked }, ChatCompletion);
  const sources = json.engine.requests.map(({ constraint }) => JSON.stringify(constraint));
  assert.equal(new Set(sources).size, 1);
});

test('more tokens than fit are cut to fit, or refused where that is asked for', async (t) => {
  const { post, refused } = await build(t, { capacity: 30, answer: () => 'x'.repeat(100) });
  const asked = { messages: [user], max_tokens: 10_000 };
  const { choices, usage } = await post(chat, asked, ChatCompletion);
  assert.deepEqual([choices[0]?.finish_reason, usage.total_tokens], ['length', 30]);
  const error = await refused(chat, { ...asked, max_tokens_overflow: 'error' });
  assert.match(error.message, /maximum context length is 30 tokens/);
  const long = await refused(chat, { messages: [{ role: 'user', content: 'x'.repeat(60) }] });
  assert.deepEqual([long.code, long.param], ['context_length_exceeded', 'messages']);
  assert.match(long.message, /maximum context length is 30 tokens/);
  const kept = { prompt: 'abcdefghij', max_tokens: 2, truncate_prompt_tokens: 3, echo: true };
  assert.equal((await post('/v1/completions', kept, Completion)).choices[0]?.text, 'hijxx');
  // The token that the tokenizer begins with is the first of the three.
  const first = await post('/v1/completions', { ...kept, truncation_side: 'right' }, Completion);
  assert.equal(first.choices[0]?.text, 'abxx');
});

test("the model's own sampling values apply where the request is silent, and the reply says which", async (t) => {
  const { app, services, engine } = await build(t);
  const { get } = services.models;
  const own = { temperature: 0.6, topK: 20 };
  Object.assign(services.models, {
    get: async (id?: string) => ({ ...(await get.call(services.models, id)), samplingDefaults: own }),
  });
  const ask = async (more: object) => {
    const payload = { messages: [user], ...more };
    return (await app.inject({ method: 'POST', url: chat, payload })).body;
  };
  const plain = ChatCompletion.parse(JSON.parse(await ask({})));
  assert.deepEqual(plain.sampling_defaults, { temperature: 0.6, top_k: 20 });
  assert.deepEqual([engine.requests[0]?.sampling.temperature, engine.requests[0]?.sampling.topK], [0.6, 20]);
  const said = ChatCompletion.parse(JSON.parse(await ask({ temperature: 1, top_k: -1 })));
  assert.equal(said.sampling_defaults, undefined);
  assert.deepEqual([engine.requests[1]?.sampling.temperature, engine.requests[1]?.sampling.topK], [1, 0]);
  assert.match(await ask({ stream: true, temperature: 0 }), /^data: .*"sampling_defaults":\{"top_k":20\}/);
});

test('a stream has the usage in every chunk, and the ids of its prompt, where asked for', async (t) => {
  const { app } = await build(t);
  const payload = {
    messages: [user],
    ...{ stream: true, return_token_ids: true },
    stream_options: { include_usage: true, continuous_usage_stats: true },
  };
  const { body } = await app.inject({ method: 'POST', url: chat, payload });
  const chunks = [...body.matchAll(/^data: (\{.*)$/gm)].map(([, json]) =>
    ChatCompletionChunk.parse(JSON.parse(json ?? '')),
  );
  assert.equal(promptOf(chunks[0]?.prompt_token_ids), '<user>Hi\n<assistant>');
  const counts = chunks.map(({ usage }) => usage?.completion_tokens ?? -1);
  assert.deepEqual(
    counts,
    counts.toSorted((a, b) => a - b),
  );
  assert.deepEqual([counts[0], counts.at(-1)], [0, 12]);
});

test('tokens of log-probabilities are named by id on request, and the stop string is told', async (t) => {
  const { post } = await build(t);
  const asked = { messages: [user], logprobs: true, return_tokens_as_token_ids: true, stop: ['there'] };
  const { choices } = await post(chat, asked, ChatCompletion);
  assert.equal(choices[0]?.logprobs?.content?.[0]?.token, 'token_id:72');
  assert.deepEqual([choices[0]?.finish_reason, choices[0]?.stop_reason], ['stop', 'there']);
});

test('/tokenize: tools, a message to go on with, and the words of llama.cpp', async (t) => {
  const { post } = await build(t);
  const tools = [{ type: 'function', function: { name: 'rain' } }];
  const told = await post('/tokenize', { messages: [user], tools }, Tokenized);
  assert.match(promptOf(told.tokens as number[]), /rain/);
  const begun = { messages: [user, { role: 'assistant', content: 'Well ' }], continue_final_message: true };
  const open = await post('/tokenize', { ...begun, add_generation_prompt: false }, Tokenized);
  assert.match(promptOf(open.tokens as number[]), /Well $/);
  const pieces = await post('/tokenize', { content: 'ab', with_pieces: true }, Tokenized);
  assert.deepEqual(pieces.tokens, [
    { id: 97, piece: 'a' },
    { id: 98, piece: 'b' },
  ]);
  const text = await post('/detokenize', { tokens: [97, 98] }, Detokenized);
  assert.deepEqual(text, { prompt: 'ab', content: 'ab' });
});

test("bodies of Ollama's routes are read whatever their type, by others only as JSON", async (t) => {
  const { app } = await build(t);
  const payload = JSON.stringify({ messages: [user], stream: false, concept: null, strength: null });
  for (const type of ['application/x-www-form-urlencoded', 'text/plain', undefined]) {
    const headers = type === undefined ? {} : { 'content-type': type };
    const asked = (url: string) => app.inject({ method: 'POST', url, headers, payload });
    const reply = await asked('/api/chat');
    assert.equal(reply.statusCode, 200, `${type}: ${reply.body}`);
    assert.equal((await asked(chat)).statusCode, 415, type);
  }
  const broken = await app.inject({ method: 'POST', url: '/api/chat', payload: '{"messages": ' });
  assert.equal(broken.statusCode, 400, broken.body);
});

test("what is wrong in Anthropic's and Ollama's bodies is told by their own names of fields", async (t) => {
  const { app } = await build(t);
  const format = { type: 'array', uniqueItems: true };
  const tool = { name: 'f', strict: true, input_schema: { type: 'object', properties: { a: format } } };
  const anthropic = { messages: [user], max_tokens: 5 };
  const ollama = { messages: [user] };
  for (const [url, payload, field] of [
    ['/v1/messages', { ...anthropic, tools: [{ ...tool, name: 'a b' }] }, 'tools.0.name'],
    ['/v1/messages', { ...anthropic, tools: [tool] }, 'tools.0.input_schema'],
    ['/v1/messages', { ...anthropic, tools: [tool], tool_choice: { type: 'tool' } }, 'tool_choice.name'],
    [
      '/v1/messages',
      { ...anthropic, output_config: { format: { type: 'json_schema', schema: format } } },
      'output_config.format.schema',
    ],
    ['/api/chat', { ...ollama, options: { num_predict: 0 } }, 'options.num_predict'],
    ['/api/chat', { ...ollama, options: { temperature: 5 } }, 'options.temperature'],
    ['/api/chat', { ...ollama, options: { stop: ['a', ''] } }, 'options.stop.1'],
    ['/api/chat', { ...ollama, format }, 'format'],
    ['/api/generate', { prompt: 'a', raw: true, options: { repeat_penalty: -1 } }, 'options.repeat_penalty'],
  ] as const) {
    const reply = await app.inject({ method: 'POST', url, payload });
    assert.equal(reply.statusCode, 400, reply.body);
    const { error } = reply.json() as { error: string | { message: string; param: string } };
    const message = typeof error === 'string' ? error : error.message;
    assert.ok(message.startsWith(`${field} `), `${field}: ${message}`);
    if (typeof error !== 'string') assert.equal(error.param, field);
  }
});
