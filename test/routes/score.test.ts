/** `POST /v1/steering/score` and the attention map: what concepts say of a text, and what a fit said of a concept. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StoredConcept } from '../../src/concepts/stored-concept.js';
import { ConceptAttention } from '../../src/schemas/concept-attention.js';
import { ErrorBody } from '../../src/schemas/errors.js';
import { Score } from '../../src/schemas/score.js';
import { build, fakeConcept, until } from '../helpers/app.js';
import { FakeEngine, fakeProjection } from '../helpers/fake-engine.js';
import { listen, send } from '../helpers/http.js';

const url = '/v1/steering/score';
const value = (token: number, m = 0) =>
  Number(((fakeProjection(token, m, 1) + fakeProjection(token, m, 2)) / 20).toPrecision(7));

test('a text is read token by token, with what the tokenizer adds', async (t) => {
  const { post, engine } = await build(t);
  const concepts = ['ocean', { concept: 'pirate', layers: [2], scale: 'raw', detail: 'layers' }];
  const reply = await post(url, { input: 'a🦜b', concepts }, Score.strict());
  const tokens = [2, 97, 0x1f99c, 98];
  assert.deepEqual(engine.projected[0]?.tokens, tokens);
  assert.equal(reply.text, 'a🦜b');
  assert.deepEqual(reply.tokens, [
    { id: 2, text: '', from: 0, to: 0 },
    { id: 97, text: 'a', from: 0, to: 1 },
    { id: 0x1f99c, text: '🦜', from: 1, to: 2 },
    { id: 98, text: 'b', from: 2, to: 3 },
  ]);
  const version = 'c'.repeat(64);
  const values = tokens.map((token) => value(token));
  const raw = tokens.map((token) => fakeProjection(token, 1, 2));
  const rest = (all: readonly number[]) =>
    Number((all.slice(1).reduce((sum, x) => sum + x, 0) / 3).toPrecision(7));
  assert.deepEqual(reply.concepts, [
    { concept: 'ocean', version, scale: 'norm', layers: [1, 2], values, mean: rest(values) },
    {
      concept: 'pirate',
      version,
      scale: 'raw',
      layers: [2],
      values: raw,
      mean: rest(raw),
      layer_values: raw.map((one) => [one]),
    },
  ]);
  assert.deepEqual(reply.usage, { prompt_tokens: 4, total_tokens: 4 });
});

test('a chat is read as the template writes it, and goes on to the answer unless it has one', async (t) => {
  const { post } = await build(t);
  const user = { role: 'user', content: 'Hi' };
  const assistant = { role: 'assistant', content: 'Ho' };
  const read = async (messages: object[], more = {}) =>
    (await post(url, { messages, concepts: ['ocean'], ...more }, Score)).text;
  assert.equal(await read([user]), '<user>Hi\n<assistant>');
  assert.equal(await read([user, assistant]), '<user>Hi\n<assistant>Ho\n');
  assert.equal(await read([user], { add_generation_prompt: false }), '<user>Hi\n');
  assert.equal(
    await read([user, assistant], { add_generation_prompt: true }),
    '<user>Hi\n<assistant>Ho\n<assistant>',
  );
});

test('token ids are read as they are; one alone has no mean', async (t) => {
  const { post } = await build(t);
  const reply = await post(url, { input: [97], concepts: ['ocean'] }, Score);
  assert.deepEqual(
    [reply.text, reply.concepts[0]?.mean, reply.concepts[0]?.values],
    ['a', null, [value(97)]],
  );
});

test('what cannot be scored is refused by name', async (t) => {
  const { refused } = await build(t, { capacity: 40 });
  const concepts = ['ocean'];
  const messages = [{ role: 'user', content: 'Hi' }];
  for (const [body, param, code, message] of [
    [{ concepts }, 'input', 'invalid_value', /^one of input and messages must be given\.$/],
    [{ input: 'x', messages, concepts }, 'input', 'invalid_value', /^only one of input and messages/],
    [{ input: '', concepts }, 'input', 'prompt_empty', /empty/],
    [{ input: [], concepts }, 'input', 'prompt_empty', /empty/],
    [{ input: [-1], concepts }, 'input', 'token_out_of_range', /-1/],
    [
      { input: 'x'.repeat(41), concepts },
      'input',
      'context_length_exceeded',
      /42 tokens, but .*context length is 40/,
    ],
    [{ input: 'x'.repeat(4000), concepts }, 'input', 'context_length_exceeded', /4000 characters/],
    [
      { messages: [{ role: 'user', content: 'x'.repeat(40) }], concepts },
      'messages',
      'context_length_exceeded',
      /context length is 40/,
    ],
    [{ input: 'x' }, 'concepts', 'invalid_value', /list of concepts; received nothing/],
    [{ input: 'x', concepts: [] }, 'concepts', 'invalid_value', /at least one concept/],
    [{ input: 'x', concepts: ['ocean', 'oceon'] }, 'concepts.1', 'concept_not_found', /"oceon"/],
    [
      { input: 'x', concepts: [{ concept: 'ocean', layers: [7] }] },
      'concepts.0.layers',
      'invalid_value',
      /received 7/,
    ],
    [
      { input: 'x', concepts, concept: 'ocean' },
      null,
      'invalid_value',
      /no field "concept"; did you mean "concepts"\?/,
    ],
    [{ input: 'x', concepts, model: 'other' }, 'model', 'model_not_found', /other/],
    [
      { input: 'x', concepts, add_generation_prompt: true },
      'add_generation_prompt',
      'invalid_value',
      /messages/,
    ],
  ] as const) {
    const error = await refused(url, body);
    assert.deepEqual([error.param, error.code], [param, code], error.message);
    assert.match(error.message, message);
  }
});

test('a client that leaves ends the reading', async (t) => {
  const { app, engine } = await build(t);
  let stopped: AbortSignal | undefined;
  engine.project = (_, signal) => {
    stopped = signal;
    return new Promise((_, reject) =>
      signal?.addEventListener('abort', () => reject(signal.reason as Error)),
    );
  };
  const sent = send(`${await listen(app)}${url}`, { input: 'x', concepts: ['ocean'] });
  sent.on('error', () => {});
  await until(() => stopped !== undefined);
  sent.destroy();
  await until(() => stopped?.aborted === true);
  await until(() => app.answers.size === 0);
});

test('the attention map names its candidates and the one that each layer was read at', async (t) => {
  const { app, services } = await build(t);
  const concept = fakeConcept(new FakeEngine(), 'pirate');
  const withDetails = (details: object): StoredConcept => ({
    concept: { ...concept, record: { ...concept.record, recipe: 'attention', details: { ...details } } },
    source: 'data',
    createdAt: 1,
  });
  const attention = {
    candidates: [-3, -2, -1],
    candidate_ids: [3, 97, 98],
    chosen: [-1, -3, -2],
    map: [
      [0, 0.1, 0.2],
      [0.5, 0.1, 0.2],
      [0.1, 0.3, 0.2],
    ],
  };
  const layers = [
    { layer: 1, token: -3, significant_heads: 0.5 },
    { layer: 2, token: -2, significant_heads: 1 },
  ];
  const get = async (stored?: StoredConcept, name = 'pirate') => {
    if (stored) Object.assign(services.concepts, { load: async () => stored });
    return app.inject(`/v1/concepts/${name}/attention`);
  };
  const missing = ErrorBody.parse((await get(undefined, 'parrot')).json()).error;
  assert.deepEqual([missing.code, missing.param], ['concept_not_found', 'name']);

  const reply = await get(withDetails({ attention, layers }));
  assert.deepEqual(ConceptAttention.strict().parse(reply.json()), {
    object: 'concept.attention',
    concept: 'pirate',
    model: 'tiny',
    version: concept.version,
    candidates: [
      { offset: -3, id: 3, text: '' },
      { offset: -2, id: 97, text: 'a' },
      { offset: -1, id: 98, text: 'b' },
    ],
    map: attention.map,
    chosen: [2, 0, 1],
    significant_heads: [null, 0.5, 1],
  });

  for (const [details, message] of [
    [{}, /its recipe, attention, chooses no token/],
    [
      { attention: { ...attention, candidates: [-4], candidate_ids: [3], map: null } },
      /the token at -4 from/,
    ],
    [{ attention: { ...attention, map: [[1]] } }, /chooses no token/],
  ] as const) {
    const none = await get(withDetails(details));
    assert.equal(none.statusCode, 404);
    const { error } = ErrorBody.parse(none.json());
    assert.equal(error.code, 'attention_not_found');
    assert.match(error.message, message);
  }
});
