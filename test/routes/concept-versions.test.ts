/** Pins, history, differences and going back, as clients have them. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { newKey, withDigest } from '../../src/access/key-store.js';
import { KeyUsage } from '../../src/access/key-usage.js';
import { type Concept, createConcept } from '../../src/concepts/concept.js';
import { ConceptStore } from '../../src/concepts/concept-store.js';
import type { SteerdError } from '../../src/errors.js';
import { ConceptDiff, ConceptVersionList } from '../../src/schemas/concept-versions.js';
import { ConceptObject } from '../../src/schemas/concepts.js';
import { ErrorBody } from '../../src/schemas/errors.js';
import { restrictServices } from '../../src/server/restricted-services.js';
import { temporaryFolder } from '../concepts/sample.js';
import { build, fakeConcept } from '../helpers/app.js';
import { FakeEngine } from '../helpers/fake-engine.js';

const fields = fakeConcept(new FakeEngine(), 'pirate');
const made = (seed: number, coefficient: number): Concept =>
  createConcept({
    ...fields,
    record: { ...fields.record, seed, details: { layers: [{ layer: 1, r: seed / 10 }] } },
    calibration: { ...fields.calibration, coefficients: Float32Array.of(0, coefficient, 3) },
  });
const [first, second] = [made(1, 1), made(2, 2)];

async function withVersions(t: TestContext) {
  const concepts = await ConceptStore.open({ dataDirectory: await temporaryFolder(t), shipped: [] });
  await concepts.put(first);
  await concepts.put(second);
  const built = await build(t, { concepts });
  const get = async (url: string) => (await built.app.inject(url)).json<unknown>();
  const chat = (body: object) =>
    built.app.inject({
      method: 'POST',
      url: '/v1/completions',
      payload: { prompt: 'hello', max_tokens: 2, ...body },
    });
  return { ...built, concepts, get, chat };
}

test('a version is pinned in a request and in the name of a model, also when the name is gone', async (t) => {
  const { app, chat, engine } = await withVersions(t);
  const short = first.version.slice(0, 8);
  const steeredBy = async (body: object): Promise<unknown> => {
    const reply = await chat(body);
    assert.equal(reply.statusCode, 200, reply.body);
    const [term] = engine.requests.at(-1)?.edit ?? [];
    const { steering } = reply.json<{ steering: { concept: string; version: string }[] }>();
    assert.equal(steering[0]?.concept, 'pirate');
    assert.deepEqual(
      term?.add[1],
      steering[0]?.version === first.version ? 1 : 2,
      'what is told is what steers',
    );
    return steering[0]?.version;
  };
  const pinned = [
    { concept: `pirate@${short}` },
    { concept: `pirate@${first.version}`, strength: 1 },
    { steering: [{ concept: `pirate@${short}` }] },
    { model: `tiny@pirate@${short}` },
    { model: `tiny@pirate@${short}:1` },
  ];
  assert.equal(await steeredBy({ concept: 'pirate' }), second.version);
  for (const body of pinned) assert.equal(await steeredBy(body), first.version, JSON.stringify(body));
  assert.equal((await app.inject(`/v1/models/tiny@pirate@${short}:1`)).statusCode, 200);
  await app.inject({ method: 'DELETE', url: '/v1/concepts/pirate' });
  assert.equal((await chat({ concept: 'pirate' })).statusCode, 404);
  for (const body of pinned) assert.equal(await steeredBy(body), first.version, JSON.stringify(body));
});

test('a pin that finds nothing says which versions there are; one that is no pin has no concept', async (t) => {
  const { chat, get } = await withVersions(t);
  for (const [body, param] of [
    [{ concept: 'pirate@00000000' }, 'concept'],
    [{ steering: [{ concept: 'pirate' }, { concept: 'pirate@00000000' }] }, 'steering.1.concept'],
    [{ monitor: ['pirate@00000000'] }, 'monitor.0'],
  ] as const) {
    const { error } = ErrorBody.parse((await chat(body)).json());
    assert.deepEqual([error.code, error.param], ['concept_version_not_found', param]);
    assert.match(
      error.message,
      new RegExp(`${second.version.slice(0, 12)}, ${first.version.slice(0, 12)}\\.$`),
    );
  }
  for (const name of ['pirate@0', 'pirate@zzzzzzzz', 'parrot@00000000']) {
    const { error } = ErrorBody.parse((await chat({ concept: name })).json());
    assert.equal(error.code, 'concept_not_found', name);
  }
  const { error } = ErrorBody.parse(await get('/v1/concepts/pirate@00000000'));
  assert.deepEqual([error.code, error.param], ['concept_version_not_found', 'name']);
  assert.equal(ConceptObject.parse(await get(`/v1/concepts/pirate@${first.version}`)).seed, 1);
});

test('history and differences; rolled back, nothing is lost', async (t) => {
  const { get, post, refused, concepts } = await withVersions(t);
  const history = async () =>
    ConceptVersionList.parse(await get('/v1/concepts/pirate/versions')).data.map(
      ({ number, version, current }) => [number, version, current],
    );
  assert.deepEqual(await history(), [
    [2, second.version, true],
    [1, first.version, false],
  ]);
  const diff = ConceptDiff.parse(await get('/v1/concepts/pirate/diff'));
  assert.deepEqual([diff.from, diff.to], [first.version, second.version]);
  assert.deepEqual(diff.changes, [
    { path: 'calibration.coefficients[1]', from: 1, to: 2 },
    { path: 'record.details.layers[0].r', from: 0.1, to: 0.2 },
    { path: 'record.seed', from: 1, to: 2 },
  ]);
  assert.deepEqual([diff.complete, diff.cosine], [true, 1]);
  const same = `from=${first.version.slice(0, 8)}&to=${first.version}`;
  assert.deepEqual(ConceptDiff.parse(await get(`/v1/concepts/pirate/diff?${same}`)).changes, []);

  const rollback = '/v1/concepts/pirate/rollback';
  const back = await post(rollback, { version: first.version.slice(0, 10) }, ConceptObject);
  assert.equal(back.version, first.version);
  assert.deepEqual(await history(), [
    [3, first.version, true],
    [2, second.version, false],
    [1, first.version, false],
  ]);
  for (const [url, body, status, code] of [
    [rollback, { version: '00000000' }, 404, 'concept_version_not_found'],
    [rollback, { version: 'first' }, 400, 'invalid_value'],
    [rollback, {}, 400, 'invalid_value'],
    ['/v1/concepts/parrot/rollback', { version: first.version }, 404, 'concept_not_found'],
  ] as const) {
    const refusal = await refused(url, body);
    assert.deepEqual([refusal.status, refusal.code], [status, code]);
  }
  await concepts.delete('tiny', 'pirate');
  assert.equal((await refused(rollback, { version: first.version })).code, 'concept_not_found');
  assert.ok((await history()).every(([, , current]) => current === false));
  const { error } = ErrorBody.parse(await get('/v1/concepts/parrot/versions'));
  assert.equal(error.code, 'concept_not_found');
});

test('a key for some concepts has all versions of them, one for a version that one alone', async (t) => {
  const { services } = await withVersions(t);
  const restricted = (concepts: string[]) => {
    const { key } = newKey({ name: 'some', scopes: ['concepts:write'], concepts });
    return restrictServices(services, { key: withDigest(key), usage: new KeyUsage(key) }).concepts;
  };
  const pinned = `pirate@${first.version.slice(0, 8)}`;
  const [named, version, other] = [restricted(['pirate']), restricted([pinned]), restricted(['ocean'])];
  const load = (concepts: typeof named, name: string) =>
    concepts.load('tiny', name).then(
      (stored) => stored?.concept.version,
      ({ code }: SteerdError) => code,
    );
  assert.deepEqual([await load(named, 'pirate'), await load(named, pinned)], [second.version, first.version]);
  assert.deepEqual(
    [await load(version, 'pirate'), await load(version, pinned)],
    ['concept_not_allowed', first.version],
  );
  assert.deepEqual(
    [await load(other, 'pirate'), await load(other, pinned)],
    ['concept_not_allowed', 'concept_not_allowed'],
  );
  for (const concepts of [version, other]) {
    await assert.rejects(concepts.versions('tiny', 'pirate'), { code: 'concept_not_allowed' });
    await assert.rejects(concepts.put(first), { code: 'concept_not_allowed' });
    assert.equal(concepts.find('tiny', 'pirate'), undefined);
  }
});
