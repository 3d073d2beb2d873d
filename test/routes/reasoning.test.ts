/** Reasoning apart from the text, in chat and responses, whole and streamed; and what it takes to leave it there. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type OpenAI from 'openai';
import { ChatCompletion } from '../../src/schemas/chat.js';
import { ResponseObject } from '../../src/schemas/responses.js';
import type { BuildOptions } from '../helpers/app.js';
import { connect } from '../helpers/openai-client.js';

const marks = { open: '<think>', close: '</think>' };
const answer = '<think>\nHm, 2 < 3 </thin.\n</think>\n\nThree.';
const thinking = (more: BuildOptions = {}): BuildOptions => ({
  capacity: 4096,
  answer: () => answer,
  template: { reasoning: marks },
  ...more,
});
const messages = [{ role: 'user' as const, content: 'Hi' }];
const chat = '/v1/chat/completions';

test('reasoning is reasoning_content, whole and streamed, and left in or out when asked', async (t) => {
  const { client, post } = await connect(t, thinking());
  const messageOf = async (more: object) =>
    (await post(chat, { messages, ...more }, ChatCompletion)).choices[0]?.message;
  const apart = await messageOf({});
  assert.deepEqual([apart?.content, apart?.reasoning_content], ['Three.', 'Hm, 2 < 3 </thin.']);
  assert.equal((await messageOf({ separate_reasoning: false }))?.content, answer);
  const without = await messageOf({ include_reasoning: false });
  assert.deepEqual([without?.content, without?.reasoning_content], ['Three.', undefined]);

  const said = { content: '', reasoning_content: '' };
  for await (const chunk of await client.chat.completions.create({ model: 'tiny', messages, stream: true })) {
    const delta = chunk.choices[0]?.delta as Partial<typeof said> | undefined;
    said.content += delta?.content ?? '';
    said.reasoning_content += delta?.reasoning_content ?? '';
  }
  assert.deepEqual(said, { content: 'Three.', reasoning_content: 'Hm, 2 < 3 </thin.' });
});

test('a prompt that opens the reasoning begins it; one that closes it has none', async (t) => {
  const rows: [prompt: string, text: string, content: string, reasoning: string | undefined][] = [
    ['<think>\n', 'Hm.\n</think>\n\nThree.', 'Three.', 'Hm.'],
    ['<think>\n\n</think>\n\n', 'Three.', 'Three.', undefined],
    ['', 'Three </think>.', 'Three </think>.', undefined],
    ['<think>\n', 'Hm', '', 'Hm'],
  ];
  for (const [generationPrompt, text, content, reasoning] of rows) {
    const { post } = await connect(
      t,
      thinking({ answer: () => text, template: { reasoning: marks, generationPrompt } }),
    );
    const reply = await post(chat, { messages }, ChatCompletion);
    const message = reply.choices[0]?.message;
    assert.deepEqual([message?.content, message?.reasoning_content], [content, reasoning], generationPrompt);
  }
});

test('an answer that is cut anywhere shows no mark', async (t) => {
  const { post } = await connect(t, thinking());
  for (let max_tokens = 1; max_tokens < answer.length; max_tokens++) {
    const { choices } = await post(chat, { messages, max_tokens }, ChatCompletion);
    const { content, reasoning_content: reasoning = '' } = choices[0]?.message ?? {};
    assert.ok('Three.'.startsWith(content ?? ''), content ?? '');
    assert.ok('Hm, 2 < 3 </thin.'.startsWith(reasoning.trimEnd()), reasoning);
  }
});

test('calls and formats come after the reasoning', async (t) => {
  const call = '<think>Hm.</think>\n<tool_call>\n{"name": "f", "arguments": {}}\n</tool_call>';
  let said = call;
  const { post, engine } = await connect(t, thinking({ answer: () => said }));
  const tools = [{ type: 'function', function: { name: 'f' } }];
  const { choices } = await post(chat, { messages, tools }, ChatCompletion);
  const [choice] = choices;
  assert.equal(choice?.message.reasoning_content, 'Hm.');
  assert.equal(choice?.message.tool_calls?.[0]?.function.name, 'f');
  assert.equal(choice?.finish_reason, 'tool_calls');
  // What the grammars let through: test/json-grammar/tool-grammars.test.ts.
  const format = { response_format: { type: 'json_object' } };
  await post(chat, { messages, ...format }, ChatCompletion);
  assert.equal(engine.requests.at(-1)?.constraint?.kind, 'structural_tag');
  said = '{}';
  await post(chat, { messages, ...format, separate_reasoning: false }, ChatCompletion);
  assert.equal(engine.requests.at(-1)?.constraint?.kind, 'grammar');
});

test('a response has a reasoning item, whole and streamed, and takes it back', async (t) => {
  const { client, post, engine } = await connect(t, thinking());
  const whole = await post('/v1/responses', { input: 'Hi' }, ResponseObject.strict());
  const [reasoning, message] = whole.output;
  assert.ok(reasoning?.type === 'reasoning' && reasoning.content[0]?.text === 'Hm, 2 < 3 </thin.');
  assert.ok(message?.type === 'message' && message.content[0]?.text === 'Three.');
  assert.ok((whole.usage?.output_tokens_details.reasoning_tokens ?? 0) > 10);

  const types = new Set<string>();
  let text = '';
  const stream = client.responses.stream({ model: 'tiny', input: 'Hi' });
  for await (const event of stream) {
    types.add(event.type);
    if (event.type === 'response.reasoning_text.delta') text += event.delta;
  }
  assert.equal(text, 'Hm, 2 < 3 </thin.');
  assert.ok(types.has('response.reasoning_text.done'));
  const final = await stream.finalResponse();
  assert.deepEqual(
    final.output.map(({ type }) => type),
    ['reasoning', 'message'],
  );
  assert.equal(final.output_text, 'Three.');

  const item = final.output[0] as OpenAI.Responses.ResponseReasoningItem;
  await client.responses.create({
    model: 'tiny',
    input: [{ role: 'user', content: 'Hi' }, item, { role: 'assistant', content: 'Three.' }],
  });
  const prompt = String.fromCodePoint(...(engine.requests.at(-1)?.prompt ?? []));
  assert.match(prompt, /<assistant>\(Hm, 2 < 3 <\/thin\.\)Three\./);
});

test('enable_thinking and reasoning effort are variables of the template', async (t) => {
  const seen: unknown[] = [];
  const { services, post } = await connect(t, thinking());
  const template = (await services.models.get('tiny')).chatTemplate;
  assert.ok(template);
  const { render } = template;
  t.mock.method(template, 'render', (...[plain, options]: Parameters<typeof render>) => {
    seen.push(options.variables);
    return render(plain, options);
  });
  for (const more of [
    { enable_thinking: false },
    { reasoning_effort: 'low' },
    { reasoning_effort: 'none' },
    { enable_thinking: true, chat_template_kwargs: { enable_thinking: false } },
  ])
    await post(chat, { messages, ...more }, ChatCompletion);
  await post('/v1/responses', { input: 'Hi', reasoning: { effort: 'high' } }, ResponseObject);
  assert.deepEqual(seen, [
    { enable_thinking: false },
    { reasoning_effort: 'low' },
    { reasoning_effort: 'none', enable_thinking: false },
    { enable_thinking: false },
    { reasoning_effort: 'high' },
  ]);
});
