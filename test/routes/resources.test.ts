/** Models, concepts, fits and the routes that say how the server is. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConceptList, ConceptObject } from '../../src/schemas/concepts.js';
import { ErrorBody } from '../../src/schemas/errors.js';
import { FitJob, FitList } from '../../src/schemas/fit-jobs.js';
import { ModelList, ModelObject } from '../../src/schemas/models.js';
import { type Built, build } from '../helpers/app.js';

async function get({ app }: Built, url: string) {
  const reply = await app.inject(url);
  return { status: reply.statusCode, body: reply.json() as unknown };
}

async function refusal({ app }: Built, method: 'GET' | 'DELETE' | 'POST', url: string) {
  const reply = await app.inject({ method, url });
  return { status: reply.statusCode, ...ErrorBody.parse(reply.json()).error };
}

test('models', async (t) => {
  const built = await build(t);
  const list = ModelList.strict().parse((await get(built, '/v1/models')).body);
  assert.deepEqual(
    list.data.map(({ id, max_model_len, layers }) => [id, max_model_len, layers]),
    [['tiny', 512, 3]],
  );
  const { body } = await get(built, '/v1/models/tiny');
  assert.deepEqual(ModelObject.strict().parse(body), list.data[0]);
  const missing = await refusal(built, 'GET', '/v1/models/a%2Fb');
  assert.deepEqual([missing.status, missing.code], [404, 'model_not_found']);
});

test('concepts are listed, described and deleted', async (t) => {
  const built = await build(t);
  const list = ConceptList.parse((await get(built, '/v1/concepts?model=tiny')).body);
  assert.deepEqual(
    list.data.map(({ name }) => name),
    ['ocean', 'pirate'],
  );
  const { details, calibration, residual_norms, readings, ...summary } = ConceptObject.parse(
    (await get(built, '/v1/concepts/ocean')).body,
  );
  assert.deepEqual(summary, list.data[0]);
  assert.deepEqual([details, calibration.coefficients, residual_norms], [{}, [0, 2, 3], [10, 10, 10]]);
  assert.equal(readings, null);

  const deleted = await built.app.inject({ method: 'DELETE', url: '/v1/concepts/pirate' });
  assert.deepEqual(deleted.json(), {
    id: 'pirate',
    object: 'concept',
    model: 'tiny',
    version: 'c'.repeat(64),
    deleted: true,
  });
  for (const method of ['GET', 'DELETE'] as const) {
    const missing = await refusal(built, method, '/v1/concepts/pirate');
    assert.deepEqual([missing.status, missing.code, missing.param], [404, 'concept_not_found', 'name']);
    assert.match(missing.message, /it has: ocean/);
  }
  const shipped = await refusal(built, 'DELETE', '/v1/concepts/ocean');
  assert.deepEqual([shipped.status, shipped.code], [403, 'concept_read_only']);
});

test('a model that does not exist is an error, not an empty list', async (t) => {
  const built = await build(t);
  for (const url of ['/v1/concepts?model=x', '/v1/concepts/ocean?model=x']) {
    const missing = await refusal(built, 'GET', url);
    assert.deepEqual([missing.status, missing.code], [404, 'model_not_found']);
  }
});

test('long and odd names reach the store whole', async (t) => {
  const built = await build(t);
  const name = "it's a.b/".repeat(14);
  const { message, status } = await refusal(built, 'GET', `/v1/concepts/${encodeURIComponent(name)}`);
  assert.equal(status, 404);
  assert.ok(message.includes(name.slice(0, 40)));
});

test('a fit is started, seen and cancelled', async (t) => {
  const built = await build(t);
  const request = { name: 'rain', prefix: 'You are obsessed with rain.' };
  const fit = await built.post('/v1/fits', request, FitJob);
  const concept = await built.app.inject({ method: 'POST', url: '/v1/concepts', payload: request });
  assert.equal(concept.statusCode, 202);
  const second = FitJob.parse(concept.json());
  assert.equal(concept.headers.location, `/v1/fits/${second.id}`);

  const list = FitList.parse((await get(built, '/v1/fits')).body);
  assert.deepEqual(list.data.map(({ id }) => id).sort(), [fit.id, second.id].sort());
  assert.deepEqual((await get(built, `/v1/fits/${fit.id}`)).body, fit);
  // Clients send no body, or an empty one with a content type.
  for (const headers of [{}, { 'content-type': 'application/json' }]) {
    const reply = await built.app.inject({ method: 'POST', url: `/v1/fits/${fit.id}/cancel`, headers });
    assert.equal(FitJob.parse(reply.json()).status, 'cancelled');
  }
  for (const [method, url] of [
    ['GET', '/v1/fits/nope'],
    ['POST', '/v1/fits/nope/cancel'],
  ] as const) {
    const missing = await refusal(built, method, url);
    assert.deepEqual([missing.status, missing.code], [404, 'fit_not_found']);
  }
});

test('a fit that says too little is refused by field', async (t) => {
  const { refused } = await build(t);
  const error = await refused('/v1/fits', { prefix: 'x' });
  assert.deepEqual([error.status, error.param], [400, 'name']);
  assert.match(error.message, /^name must be .*; received nothing\.$/);
});

test('health is there from the start, ready when the model is', async (t) => {
  let loaded = false;
  const built = await build(t, { loaded: () => loaded });
  assert.deepEqual(await get(built, '/health'), { status: 200, body: { status: 'ok' } });
  const reply = await built.app.inject('/ready');
  assert.equal(reply.statusCode, 503);
  assert.equal(reply.headers['retry-after'], '2');
  assert.equal(ErrorBody.parse(reply.json()).error.code, 'model_unavailable');
  loaded = true;
  assert.deepEqual(await get(built, '/ready'), { status: 200, body: { status: 'ready', models: ['tiny'] } });
  const { body } = await get(built, '/version');
  assert.match((body as { version: string }).version, /^\d+\.\d+\.\d+/);
});

test('a concept is renamed, and a delete undone', async (t) => {
  const built = await build(t);
  const { version } = ConceptObject.parse((await get(built, '/v1/concepts/pirate')).body);
  const renamed = await built.post('/v1/concepts/pirate/rename', { name: 'corsair' }, ConceptObject);
  assert.equal(renamed.name, 'corsair');
  const names = async () =>
    ConceptList.parse((await get(built, '/v1/concepts')).body).data.map(({ name }) => name);
  assert.deepEqual(await names(), ['corsair', 'ocean']);
  for (const [path, body, status, code] of [
    ['corsair/rename', { name: 'ocean' }, 409, 'concept_exists'],
    ['corsair/rename', { name: '../x' }, 400, 'invalid_value'],
    ['corsair/rename', {}, 400, 'invalid_value'],
    ['corsair/rename', { name: 'x', model: 'none' }, 404, 'model_not_found'],
    ['ocean/rename', { name: 'sea' }, 403, 'concept_read_only'],
    ['pirate/rename', { name: 'sea' }, 404, 'concept_not_found'],
    ['pirate/restore', {}, 404, 'concept_not_kept'],
    ['corsair/restore', {}, 409, 'concept_exists'],
  ] as const) {
    const refusal = await built.refused(`/v1/concepts/${path}`, body);
    assert.deepEqual([refusal.status, refusal.code], [status, code], path);
  }
  await built.app.inject({ method: 'DELETE', url: '/v1/concepts/corsair' });
  assert.deepEqual(await names(), ['ocean']);
  const restored = await built.post('/v1/concepts/corsair/restore', {}, ConceptObject);
  assert.equal(restored.version, version);
  assert.deepEqual((await names()).sort(), ['corsair', 'ocean']);
});
