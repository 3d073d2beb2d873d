/** The Responses API, driven by the official client. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type OpenAI from 'openai';
import { ResponseObject } from '../../src/schemas/responses.js';
import { connect } from '../helpers/openai-client.js';

const url = '/v1/responses';

test('input is a text or messages, with instructions before them', async (t) => {
  const { client, engine } = await connect(t);
  const plain = await client.responses.create({ model: 'tiny', input: 'Hi', instructions: 'Be kind.' });
  assert.equal(plain.output_text, 'Hello there.');
  assert.deepEqual([plain.status, plain.object, plain.usage?.output_tokens], ['completed', 'response', 12]);
  await client.responses.create({
    model: 'tiny',
    input: [
      { role: 'system', content: 'Be kind.' },
      { role: 'user', content: [{ type: 'input_text', text: 'Hi' }] },
    ],
    temperature: 0.5,
  });
  const prompts = engine.requests.map(({ prompt }) => String.fromCodePoint(...prompt));
  assert.deepEqual(prompts, Array(2).fill('<system>Be kind.\n<user>Hi\n<assistant>'));
  assert.equal(engine.requests[1]?.sampling.temperature, 0.5);
});

test('a response that is cut is incomplete; steering and monitoring are as elsewhere', async (t) => {
  const { client, post, engine } = await connect(t);
  const cut = await client.responses.create({ model: 'tiny', input: 'Hi', max_output_tokens: 5 });
  assert.deepEqual(
    [cut.status, cut.incomplete_details?.reason, cut.output_text],
    ['incomplete', 'max_output_tokens', 'Hello'],
  );
  const body = { input: 'Hi', concept: 'pirate', strength: 0.5, monitor: ['ocean'], receipt: 'full' };
  const steered = await post(url, body, ResponseObject.strict());
  assert.deepEqual(steered.steering?.[0]?.coefficients, [1, 1.5]);
  assert.equal(steered.monitor_readings?.tokens.length, 12);
  const aliased = await post(url, { input: 'Hi', model: 'tiny@pirate:0.5', receipt: 'full' }, ResponseObject);
  assert.deepEqual(aliased.steering, steered.steering);
  assert.deepEqual(engine.requests.at(-1)?.edit, engine.requests.at(-2)?.edit);
});

test("a stream has OpenAI's events in order, numbered, and ends with what the plain reply says", async (t) => {
  const { client } = await connect(t);
  for (const max_output_tokens of [5, 100]) {
    const plain = await client.responses.create({ model: 'tiny', input: 'Hi', max_output_tokens });
    const stream = await client.responses.create({
      model: 'tiny',
      input: 'Hi',
      max_output_tokens,
      stream: true,
    });
    const types: string[] = [];
    let text = '';
    let last: OpenAI.Responses.Response | undefined;
    for await (const event of stream) {
      assert.equal(event.sequence_number, types.length);
      types.push(event.type);
      if (event.type === 'response.output_text.delta') text += event.delta;
      if (event.type === 'response.completed' || event.type === 'response.incomplete') last = event.response;
    }
    assert.deepEqual(
      types.filter((type) => type !== 'response.output_text.delta'),
      [
        'response.created',
        'response.in_progress',
        'response.output_item.added',
        'response.content_part.added',
        'response.output_text.done',
        'response.content_part.done',
        'response.output_item.done',
        `response.${plain.status}`,
      ],
    );
    assert.equal(types.indexOf('response.output_text.delta'), 4);
    assert.equal(text, plain.output_text);
    assert.deepEqual([last?.status, last?.usage], [plain.status, plain.usage]);
    const helper = await client.responses
      .stream({ model: 'tiny', input: 'Hi', max_output_tokens: 100 })
      .finalResponse();
    assert.equal(helper.output_text, 'Hello there.');
  }
});

test('a schema goes to the engine; what needs a store or is misspelt is refused in the words of this endpoint', async (t) => {
  const { post, refused, engine } = await connect(t, { capacity: 64, answer: () => '{"a":1}' });
  const schema = { type: 'object', properties: { a: { type: 'integer' } }, required: ['a'] };
  await post(
    url,
    { input: 'Hi', text: { format: { type: 'json_schema', name: 'x', schema } } },
    ResponseObject,
  );
  assert.equal(engine.requests.at(-1)?.constraint?.kind, 'grammar');
  const rows: [object, string, RegExp][] = [
    [{ previous_response_id: 'resp_1' }, 'previous_response_id', /of a response that is stored/],
    [{ tools: [{ type: 'web_search' }] }, 'tools.0.type', /must be "function"/],
    [{ tool_choice: 'required' }, 'tool_choice', /without tools/],
    [{ include: ['everything'] }, 'include.0', /message\.output_text\.logprobs/],
    [{ input: [{ type: 'image_generation_call', id: 'x' }] }, 'input.0.type', /reads no others/],
    [{ background: true }, 'background', /stream it/],
    [{ strenght: 1 }, 'strenght', /did you mean "strength"/],
    [{ steering: { choices: [null] } }, 'steering.choices', /one answer/],
    [{ input: [] }, 'input', /./],
    [
      { input: [{ role: 'user', content: [{ type: 'input_image', text: '' }] }] },
      'input.0.content.0.type',
      /text only/,
    ],
    [{ input: 'x'.repeat(100) }, 'input', /^input has \d+ tokens/],
    [
      { text: { format: { type: 'json_schema', schema: { not: {} } } } },
      'text.format.schema',
      /schema\.not is not/,
    ],
  ];
  for (const [more, param, message] of rows) {
    const error = await refused(url, { input: 'Hi', ...more });
    assert.deepEqual([error.status, error.param], [400, param], error.message);
    assert.match(error.message, message);
  }
  const ignored = {
    store: true,
    metadata: { a: 'b' },
    user: 'me',
    tools: [],
    reasoning: null,
    unknown_field: 1,
  };
  await post(url, { input: 'Hi', ...ignored }, ResponseObject);
});

test("errors have this endpoint's names of fields, and repeat what the request says as it is", async (t) => {
  const { refused } = await connect(t, { capacity: 64 });
  const tool = { type: 'function', name: 'f' };
  const rows: [body: object, param: string, message: RegExp][] = [
    [{ model: 'my messages max_tokens' }, 'model', /^model "my messages max_tokens" does not exist/],
    [{ concept: 'response_format' }, 'concept', /^concept "response_format" does not exist/],
    [
      { max_output_tokens: 60, max_tokens_overflow: 'error' },
      'input',
      /^input has 20 tokens.*lower max_output_tokens\. If .*STEERD_CONTEXT.*\.$/,
    ],
    [{ input: Array(65).fill({ role: 'user', content: '' }) }, 'input', /^input is a list of 65;/],
    [
      { tools: [{ ...tool, strict: true, parameters: { not: {} } }] },
      'tools.0.parameters',
      /^tools\.0\.parameters cannot/,
    ],
    [
      { tools: [tool], tool_choice: { type: 'function', name: 'messages' } },
      'tool_choice.name',
      /^tool_choice\.name must be one of f; received "messages"\.$/,
    ],
    [
      { text: { format: { type: 'json_schema', schema: { properties: { messages: { not: {} } } } } } },
      'text.format.schema',
      /^text\.format\.schema .*schema\.properties\.messages\.not/,
    ],
    [
      { text: { format: { type: 'json_object' } }, allowed_token_ids: [65] },
      'allowed_token_ids',
      /left out with text\.format, structured_outputs or tools\.$/,
    ],
  ];
  for (const [more, param, message] of rows) {
    const error = await refused(url, { input: 'Hi', ...more });
    assert.equal(error.param, param, error.message);
    assert.match(error.message, message);
  }
});

test("the engine's errors about a format name it as the body does", async (t) => {
  const { post, engine } = await connect(t, { capacity: 64, answer: () => '{}' });
  await post(url, { input: 'Hi', text: { format: { type: 'json_object' } } }, ResponseObject);
  assert.equal(engine.requests.at(-1)?.constraintField, 'text.format');
});

test('what breaks a stream is its last event, of the type that clients know', async (t) => {
  const { app } = await connect(t, { answer: () => ['a', new Error('secret')] });
  const reply = await app.inject({
    method: 'POST',
    url: '/v1/responses',
    payload: { input: 'Hi', stream: true },
  });
  const told = [...reply.body.matchAll(/^data: (.*)$/gm)].map(
    ([, json]) =>
      JSON.parse(String(json)) as { type: string; sequence_number: number; error?: { code: string } },
  );
  const last = told.at(-1);
  assert.deepEqual([last?.type, last?.error?.code], ['error', 'internal_error']);
  assert.deepEqual(
    told.map(({ sequence_number }) => sequence_number),
    told.map((_, i) => i),
  );
  assert.match(reply.body, /event: error\n/);
  assert.doesNotMatch(reply.body, /secret|response\.completed/);
});
