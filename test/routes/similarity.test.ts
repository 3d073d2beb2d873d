/** Several concepts together over HTTP: compared, taken out of each other, and in one request. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createConcept } from '../../src/concepts/concept.js';
import { ChatCompletion } from '../../src/schemas/chat.js';
import { ConceptObject, ConceptSimilarity } from '../../src/schemas/concepts.js';
import { ErrorBody } from '../../src/schemas/errors.js';
import { buildWithKeys } from '../access/keys.js';
import { type Built, build, fakeConcept } from '../helpers/app.js';

const url = '/v1/concepts/similarity';
const messages = [{ role: 'user', content: 'Hi' }];

/** Puts a concept along one direction at blocks 1 and 2; `ocean` and `pirate` are along the first axis. */
async function add({ engine, services }: Built, name: string, direction: readonly number[]) {
  const { layers, hiddenSize } = engine.shape;
  const vectors = new Float32Array(layers * hiddenSize);
  for (let layer = 1; layer < layers; layer++) vectors.set(direction, layer * hiddenSize);
  const { version: _, ...fields } = fakeConcept(engine, name);
  await services.concepts.put(createConcept({ ...fields, vectors }));
}

async function withConcepts(t: TestContext) {
  const built = await build(t);
  await add(built, 'slanted', [0.6, 0.8]);
  await add(built, 'upright', [0, 1]);
  const compare = async (query = '') => {
    const reply = await built.app.inject(`${url}${query}`);
    assert.equal(reply.statusCode, 200, reply.body);
    return ConceptSimilarity.parse(reply.json());
  };
  return { ...built, compare };
}

test('all concepts of the model are compared unless some are named', async (t) => {
  const { compare } = await withConcepts(t);
  const all = await compare();
  assert.deepEqual(
    [all.model, all.concepts.map(({ name }) => name)],
    ['tiny', ['ocean', 'pirate', 'slanted', 'upright']],
  );
  assert.deepEqual(all.cosine, [
    [1, 1, 0.6, 0],
    [1, 1, 0.6, 0],
    [0.6, 0.6, 1, 0.8],
    [0, 0, 0.8, 1],
  ]);
  assert.deepEqual(all.overlaps[0], { concepts: ['ocean', 'pirate'], cosine: 1 });
  const two = await compare('?model=tiny&concepts=upright,slanted,upright&detail=layers');
  assert.deepEqual(
    two.concepts.map(({ name }) => name),
    ['upright', 'slanted'],
  );
  assert.deepEqual(
    two.layers?.map(({ layer }) => layer),
    [1, 2],
  );
  for (const { cosine } of two.layers ?? []) assert.deepEqual(cosine, two.cosine);
});

test('what cannot be compared is refused by the field', async (t) => {
  const { app } = await withConcepts(t);
  for (const [query, status, param] of [
    ['?concepts=ocean,nobody', 404, 'concepts'],
    ['?concepts=ocean', 400, 'concepts'],
    ['?concepts=ocean,', 400, 'concepts'],
    [`?concepts=${Array.from({ length: 101 }, (_, i) => `c${i}`)}`, 400, 'concepts'],
    ['?detail=all', 400, 'detail'],
    ['?model=nothing', 404, 'model'],
  ] as const) {
    const reply = await app.inject(url + query);
    const { error } = ErrorBody.parse(reply.json());
    assert.deepEqual([reply.statusCode, error.param], [status, param], query);
  }
});

test('a key sees the concepts of its list only, in comparisons and in what is taken out', async (t) => {
  const built = await buildWithKeys(t, [
    { scopes: ['concepts:write'], concepts: ['pirate', 'slanted', 'mine'] },
    { scopes: ['completions'] },
  ]);
  await add(built, 'slanted', [0.6, 0.8]);
  await add(built, 'secret', [0, 1]);
  const [narrow, other] = built.secrets.map((secret) => built.with(secret));
  const get = (query: string, headers = narrow) =>
    built.app.inject({ url: url + query, headers: headers ?? {} });
  const own = await get('');
  assert.deepEqual(
    ConceptSimilarity.parse(own.json()).concepts.map(({ name }) => name),
    ['pirate', 'slanted'],
  );
  const named = await get('?concepts=pirate,secret');
  assert.deepEqual(
    [named.statusCode, ErrorBody.parse(named.json()).error.code],
    [403, 'concept_not_allowed'],
  );
  assert.equal((await get('', other)).statusCode, 403, 'completions alone may not read concepts');
  const compose = (orthogonalize_to: unknown) =>
    built.app.inject({
      method: 'POST',
      url: '/v1/concepts/mine/compose',
      headers: narrow ?? {},
      payload: { terms: [{ concept: 'slanted' }], orthogonalize_to },
    });
  assert.equal((await compose(['secret'])).statusCode, 403);
  const made = ConceptObject.parse((await compose('others')).json());
  const taken = made.details.orthogonalized_to as { readonly concepts: readonly { readonly name: string }[] };
  assert.deepEqual(
    taken.concepts.map(({ name }) => name),
    ['pirate'],
  );
});

test('compose takes the others out, or their mean; what was made of concepts that are there is none of them', async (t) => {
  const { post, refused, compare } = await withConcepts(t);
  const compose = (name: string, orthogonalize_to: unknown) =>
    post(
      `/v1/concepts/${name}/compose`,
      { terms: [{ concept: 'slanted' }], orthogonalize_to },
      ConceptObject,
    );
  const cosine = async (x: string, y: string) => (await compare(`?concepts=${x},${y}`)).cosine[0]?.[1];

  await compose('clean', ['ocean']);
  await post('/v1/concepts/twice/compose', { terms: [{ concept: 'upright', weight: 2 }] }, ConceptObject);
  assert.deepEqual([await cosine('clean', 'ocean'), await cosine('clean', 'upright')], [0, 1]);
  // Clean and twice are made of slanted and upright; ocean, pirate and upright remain, whose mean is (2, 1) / 3.
  const mean = await compose('apart', 'mean_of_others');
  const named = (mean.details.orthogonalized_to as { concepts: { name: string }[] }).concepts;
  assert.deepEqual(
    named.map(({ name }) => name),
    ['ocean', 'pirate', 'upright'],
  );
  const left = (2 * ((await cosine('apart', 'ocean')) ?? 9) + ((await cosine('apart', 'upright')) ?? 9)) / 3;
  assert.ok(Math.abs(left) < 1e-6, `${left}`);
  assert.equal(mean.calibration.method, 'algebra');

  const nothing = await refused('/v1/concepts/none/compose', {
    terms: [{ concept: 'slanted' }],
    orthogonalize_to: 'others',
  });
  assert.deepEqual([nothing.status, nothing.param], [400, 'orthogonalize_to']);
  for (const [asked, status, param] of [
    [['nobody'], 404, 'orthogonalize_to.0'],
    [[], 400, 'orthogonalize_to'],
    ['all', 400, 'orthogonalize_to'],
  ] as const) {
    const error = await refused('/v1/concepts/none/compose', {
      terms: [{ concept: 'slanted' }],
      orthogonalize_to: asked,
    });
    assert.deepEqual([error.status, error.param], [status, param], JSON.stringify(asked));
  }
});

test('a completion keeps its items to one budget, tells overlaps, and gives shared parts away when asked', async (t) => {
  const { post, engine, refused } = await withConcepts(t);
  const items = [{ concept: 'pirate' }, { concept: 'slanted' }];
  const chat = async (steering: unknown) => {
    const reply = await post('/v1/chat/completions', { messages, steering, receipt: 'full' }, ChatCompletion);
    return { receipts: reply.steering ?? [], edit: engine.requests.at(-1)?.edit ?? [] };
  };
  const usual = await chat(items);
  const factor = usual.receipts[0]?.budget?.factor ?? 9;
  assert.ok(Math.abs(factor - 1 / Math.sqrt(2 + 2 * 0.6)) < 1e-6, `${factor}`);
  assert.deepEqual(
    usual.receipts[0]?.overlaps?.map(({ concept }) => concept),
    ['slanted'],
  );
  assert.deepEqual(await chat({ items }), usual);

  const free = await chat({ items, budget: false });
  assert.ok(!('budget' in (free.receipts[0] ?? {})));
  assert.deepEqual(
    free.edit.map(({ add }) => [...add]),
    [
      [0, 2, 3],
      [0, 2, 3],
    ],
  );
  const apart = await chat({ items, budget: false, orthogonalize: true });
  assert.deepEqual(apart.receipts[1]?.orthogonalized?.to, ['pirate']);
  assert.deepEqual(
    apart.receipts[1]?.coefficients?.map((x) => Math.round(x * 1e4) / 1e4),
    [1.6, 2.4],
  );

  const two = await post(
    '/v1/chat/completions',
    { messages, steering: { choices: [items, { items, budget: false }] } },
    ChatCompletion,
  );
  assert.deepEqual(
    two.choices.map(({ steering }) => steering?.[0]?.budget?.factor),
    [factor, undefined],
  );
  const unknown = await refused('/v1/chat/completions', {
    messages,
    steering: { items: [{ concept: 'nobody' }] },
  });
  assert.deepEqual([unknown.status, unknown.param], [404, 'steering.items.0.concept']);
  for (const field of ['budget', 'steering_budget']) {
    const misplaced = await refused('/v1/chat/completions', { messages, concept: 'pirate', [field]: false });
    assert.deepEqual([misplaced.code, misplaced.param], ['unknown_steering_field', field]);
    assert.match(misplaced.message, /inside steering/);
  }
});
