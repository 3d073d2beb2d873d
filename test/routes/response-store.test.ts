/** Responses that later ones refer to: by the previous one's id, by an item's id; bounded, and each owner's own. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import OpenAI from 'openai';
import { ResponseStore } from '../../src/completions/response-store.js';
import { buildWithKeys } from '../access/keys.js';
import { responseLaws } from '../completions/response-laws.js';
import { listen } from '../helpers/http.js';
import { connect } from '../helpers/openai-client.js';

const call = '<tool_call>\n{"name": "weather", "arguments": {"city": "Rome"}}\n</tool_call>';
const tools = [
  {
    type: 'function' as const,
    name: 'weather',
    strict: false,
    parameters: { type: 'object', properties: { city: {} } },
  },
];

const promptOf = (request: { readonly prompt: readonly number[] } | undefined) =>
  String.fromCodePoint(...(request?.prompt ?? []));

test('a response goes on from the previous one, without its instructions', async (t) => {
  const { client, engine } = await connect(t);
  const first = await client.responses.create({ model: 'tiny', input: 'Hi', instructions: 'Be kind.' });
  assert.equal((first as { store?: boolean }).store, true);
  const second = await client.responses.create({
    model: 'tiny',
    input: 'And?',
    previous_response_id: first.id,
  });
  assert.equal(second.previous_response_id, first.id);
  assert.equal(
    promptOf(engine.requests.at(-1)),
    '<user>Hi\n<assistant>Hello there.\n<user>And?\n<assistant>',
  );
  await client.responses.create({ model: 'tiny', input: 'So?', previous_response_id: second.id });
  assert.match(promptOf(engine.requests.at(-1)), /^<user>Hi\n.*<user>And\?\n.*<user>So\?\n<assistant>$/s);
});

test('items are referred to, a streamed call and its output too, as the Vercel AI SDK does', async (t) => {
  let answer = call;
  const { client, engine } = await connect(t, { capacity: 4096, answer: () => answer });
  const first = await client.responses.stream({ model: 'tiny', input: 'Weather?', tools }).finalResponse();
  const [item] = first.output;
  assert.ok(item?.type === 'function_call' && item.id);
  answer = 'Sunny.';
  const second = await client.responses.create({
    model: 'tiny',
    tools,
    input: [
      { role: 'user', content: 'Weather?' },
      { type: 'item_reference', id: item.id },
      { type: 'function_call_output', call_id: item.call_id, output: 'sunny' },
    ],
  });
  assert.ok(promptOf(engine.requests.at(-1)).includes(`<assistant>${call}\n<user><tool_response>\nsunny`));
  const [message] = second.output;
  assert.ok(message?.id);
  await client.responses.create({
    model: 'tiny',
    input: [
      { type: 'item_reference', id: message.id },
      { role: 'user', content: 'Thanks.' },
    ],
  });
  assert.equal(promptOf(engine.requests.at(-1)), '<assistant>Sunny.\n<user>Thanks.\n<assistant>');
});

test('store: false keeps nothing; what is not stored is refused by name', async (t) => {
  const { client, refused } = await connect(t);
  const gone = await client.responses.create({ model: 'tiny', input: 'Hi', store: false });
  assert.equal((gone as { store?: boolean }).store, false);
  const previous = await refused('/v1/responses', { input: 'x', previous_response_id: gone.id });
  assert.deepEqual(
    [previous.status, previous.code, previous.param],
    [400, 'previous_response_not_found', 'previous_response_id'],
  );
  const item = await refused('/v1/responses', {
    input: [
      { role: 'user', content: 'x' },
      { type: 'item_reference', id: gone.output[0]?.id },
    ],
  });
  assert.deepEqual([item.status, item.code, item.param], [404, 'item_not_found', 'input.1.id']);
  await assert.rejects(client.responses.retrieve(gone.id), OpenAI.NotFoundError);
});

test('a stored response can be read again, and forgotten', async (t) => {
  const { client } = await connect(t);
  const made = await client.responses.create({ model: 'tiny', input: 'Hi' });
  const read = await client.responses.retrieve(made.id);
  assert.deepEqual([read.id, read.output], [made.id, made.output]);
  await client.responses.delete(made.id);
  await assert.rejects(client.responses.retrieve(made.id), OpenAI.NotFoundError);
  await assert.rejects(client.responses.delete(made.id), OpenAI.NotFoundError);
});

test('a key finds its own responses only', async (t) => {
  const built = await buildWithKeys(t, [{ scopes: ['completions'] }, { scopes: ['completions'] }]);
  const baseURL = `${await listen(built.app)}/v1`;
  const [mine, other] = built.secrets.map((apiKey) => new OpenAI({ baseURL, apiKey, maxRetries: 0 }));
  assert.ok(mine && other);
  const made = await mine.responses.create({ model: 'tiny', input: 'Hi' });
  assert.equal((await mine.responses.retrieve(made.id)).id, made.id);
  await assert.rejects(other.responses.retrieve(made.id), OpenAI.NotFoundError);
  await assert.rejects(
    other.responses.create({ model: 'tiny', input: 'x', previous_response_id: made.id }),
    OpenAI.BadRequestError,
  );
});

test('an answer that could not be kept is answered, and says so, streamed or not', async (t) => {
  const refusing = {
    keeps: true,
    get: () => undefined,
    items: () => new Map(),
    put: async () => false,
    delete: () => false,
  };
  const { client } = await connect(t, { responses: { of: () => refusing } });
  const whole = await client.responses.create({ model: 'tiny', input: 'Hi' });
  const streamed = await client.responses.stream({ model: 'tiny', input: 'Hi' }).finalResponse();
  for (const response of [whole, streamed])
    assert.deepEqual(
      [response.output_text, (response as { store?: boolean }).store],
      ['Hello there.', false],
    );
});

responseLaws('in memory', async (bounds) => new ResponseStore(bounds.responses, bounds.characters));
