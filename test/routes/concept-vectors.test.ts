/** Import, export and composition over HTTP. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeGguf } from '../../src/checkpoint/gguf-writer.js';
import { encodeSafetensors } from '../../src/checkpoint/safetensors.js';
import { decodeControlVector, encodeControlVector } from '../../src/concepts/control-vector.js';
import { ConceptVectors } from '../../src/schemas/concept-vectors.js';
import { ConceptObject } from '../../src/schemas/concepts.js';
import { ErrorBody } from '../../src/schemas/errors.js';
import { build } from '../helpers/app.js';

const url = '/v1/concepts/pirate/vectors';

test('a concept goes out in each format and comes in again under another name', async (t) => {
  const { app } = await build(t);
  const json = await app.inject({ url });
  assert.match(String(json.headers['content-type']), /^application\/json/);
  const exported = ConceptVectors.strict().parse(json.json());
  assert.deepEqual(exported.vectors, { 1: [1, 0, 0, 0], 2: [1, 0, 0, 0] });

  const gguf = await app.inject({ url, headers: { accept: 'application/vnd.gguf' } });
  assert.equal(gguf.headers['content-type'], 'application/vnd.gguf');
  assert.deepEqual(decodeControlVector(gguf.rawPayload).directions.get(2), Float32Array.of(3, 0, 0, 0));

  for (const [type, payload] of [
    ['application/json', json.rawPayload],
    ['application/octet-stream', gguf.rawPayload],
    ['application/vnd.gguf', gguf.rawPayload],
  ] as const) {
    const reply = await app.inject({
      method: 'PUT',
      url: '/v1/concepts/copy/vectors',
      headers: { 'content-type': type },
      payload,
    });
    assert.equal(reply.statusCode, 200, reply.body);
    const concept = ConceptObject.parse(reply.json());
    assert.equal(concept.name, 'copy');
    assert.deepEqual(concept.calibration.coefficients, [0, 2, 3]);
  }
  assert.deepEqual((await app.inject('/v1/concepts/copy')).statusCode, 200);
});

test('an upload is read by its bytes, whatever a client calls them', async (t) => {
  const { app } = await build(t);
  // Over a socket: an injected request is given content types of its own.
  const origin = await app.listen({ port: 0 });
  const row = (length: number) =>
    ({ dtype: 'F32', shape: [4], data: Float32Array.of(length, 0, 0, 0) }) as const;
  const tensors = encodeSafetensors({ 'layer.1': row(2), 'layer.2': row(3) });
  for (const format of ['json', 'safetensors', 'gguf']) {
    const body =
      format === 'safetensors' ? tensors : (await app.inject(`${url}?format=${format}`)).rawPayload;
    // curl's --data-binary, its -T, a browser's File, and a wrong guess.
    for (const type of [
      'application/x-www-form-urlencoded',
      undefined,
      'application/octet-stream',
      'image/png',
      'application/json',
      'application/json; charset=utf-8',
    ]) {
      const headers = type === undefined ? undefined : { 'content-type': type };
      const reply = await fetch(`${origin}/v1/concepts/copy/vectors`, {
        method: 'PUT',
        body: new Uint8Array(body),
        ...(headers && { headers }),
      });
      const text = await reply.text();
      assert.equal(reply.status, 200, `${format} as ${type}: ${text}`);
      const concept = ConceptObject.parse(JSON.parse(text));
      assert.deepEqual(concept.calibration.coefficients, [0, 2, 3]);
      assert.equal(concept.warnings, undefined);
    }
  }
});

test('what an import doubts stands in its reply and in the record', async (t) => {
  const { app } = await build(t);
  const payload = encodeGguf(
    { 'general.architecture': 'controlvector', 'controlvector.model_hint': 'unknown' },
    new Map([['direction.0', Float32Array.of(0, 2, 0, 0)]]),
  );
  const put = { method: 'PUT' as const, url: '/v1/concepts/theirs/vectors', payload: Buffer.from(payload) };
  const reply = await app.inject(put);
  assert.equal(reply.statusCode, 200, reply.body);
  const { warnings, details, calibration } = ConceptObject.parse(reply.json());
  assert.deepEqual(calibration.coefficients, [2, 0, 0]);
  assert.match(warnings?.join(' ') ?? '', /direction\.0/);
  assert.deepEqual(details.warnings, warnings);
  assert.deepEqual((await app.inject('/v1/concepts/theirs')).json().warnings, warnings);
});

test('composition: the sum of weighted concepts, stored under a new name', async (t) => {
  const { app, post, refused } = await build(t);
  const terms = [
    { concept: 'pirate', weight: 2 },
    { concept: 'ocean', weight: -0.5 },
  ];
  const made = await post('/v1/concepts/mix/compose', { terms }, ConceptObject);
  assert.deepEqual(made.calibration.coefficients, [0, 3, 4.5]);
  assert.equal((await app.inject('/v1/concepts/mix')).statusCode, 200);
  const nothing = await refused('/v1/concepts/x/compose', {
    terms: [{ concept: 'pirate' }, { concept: 'ocean', weight: -1 }],
  });
  assert.deepEqual([nothing.status, nothing.param], [400, 'terms']);
  const unknown = await refused('/v1/concepts/x/compose', { terms: [{ concept: 'nobody' }] });
  assert.deepEqual([unknown.status, unknown.param], [404, 'terms.0.concept']);
  for (const [body, param] of [
    [{ terms: [] }, 'terms'],
    [{ terms: [{ concept: 'pirate', weight: 1e9 }] }, 'terms.0.weight'],
    [{ terms: [{ concept: 'pirate', wieght: 1 }] }, 'terms.0'],
  ] as const) {
    const error = await refused('/v1/concepts/x/compose', body);
    assert.deepEqual([error.status, error.param], [400, param]);
  }
});

test('bad bodies and names are refused, and no concept is made', async (t) => {
  const { app, services } = await build(t);
  const gguf = encodeControlVector(
    (await services.concepts.load('tiny', 'pirate'))?.concept ?? assert.fail(),
    'x',
  );
  const put = async (path: string, type: string, payload: Uint8Array | string) => {
    const headers = { 'content-type': type };
    const body = typeof payload === 'string' ? payload : Buffer.from(payload);
    const reply = await app.inject({ method: 'PUT', url: path, headers, payload: body });
    return [reply.statusCode, ErrorBody.parse(reply.json()).error.code];
  };
  const x = '/v1/concepts/x/vectors';
  assert.deepEqual(await put(x, 'application/octet-stream', gguf.subarray(0, 200)), [400, 'vectors_invalid']);
  assert.deepEqual(await put(x, 'application/octet-stream', ''), [400, 'vectors_invalid']);
  assert.deepEqual(await put(x, 'application/json', '{}'), [400, 'invalid_value']);
  assert.deepEqual(await put(x, 'text/csv', '1,2'), [415, 'unsupported_media_type']);
  assert.deepEqual(await put(`${x}?format=json`, 'application/octet-stream', gguf), [400, 'vectors_invalid']);
  assert.deepEqual(await put(x, 'application/octet-stream', '{"vectors": '), [400, 'malformed_json']);
  assert.deepEqual(await put(x, 'multipart/form-data; boundary=x', '--x\r\n\r\n'), [
    415,
    'unsupported_media_type',
  ]);
  assert.deepEqual(await put('/v1/concepts/a%2Fb/vectors', 'application/octet-stream', gguf), [
    400,
    'invalid_value',
  ]);
  assert.deepEqual(await put('/v1/concepts/..%2F..%2Fx/vectors', 'application/vnd.gguf', gguf), [
    400,
    'invalid_value',
  ]);
  for (const path of [url.replace('pirate', 'nobody'), `${url}?model=other`]) {
    assert.equal((await app.inject(path)).statusCode, 404);
  }
  assert.deepEqual(services.concepts.names('tiny'), ['ocean', 'pirate']);
});
