/** What holds for every route: error shape, request ids, body rules. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ErrorBody } from '../../src/schemas/errors.js';
import { build } from '../helpers/app.js';

const url = '/v1/chat/completions';

test("routes that do not exist, bad URLs and bad bodies have OpenAI's error shape", async (t) => {
  const { app } = await build(t, { bodyLimit: 2000 });
  const json = { 'content-type': 'application/json' };
  const cases: [object, number, string, RegExp][] = [
    [{ url: '/v1/nothing?x=1' }, 404, 'route_not_found', /GET "\/v1\/nothing" does not exist/],
    [{ method: 'PUT', url }, 404, 'route_not_found', /PUT "\/v1\/chat\/completions" does not exist/],
    [{ url: '/v1/models/%zz' }, 400, 'bad_url', /percent-encoded UTF-8; received "\/v1\/models\/%zz"/],
    [{ url: `/v1/concepts/${'a'.repeat(3000)}?x` }, 414, 'path_too_long', /^.{90,180}$/],
    [
      { method: 'POST', url, headers: { ...json, 'content-encoding': 'gzip' }, payload: '{}' },
      415,
      'unsupported_content_encoding',
      /must be left out.*received "gzip"/,
    ],
    [{ method: 'POST', url, headers: json, payload: '{"a": b}' }, 400, 'malformed_json', /Unexpected token/],
    [
      { method: 'POST', url, headers: json, payload: '{"__proto__": {}}' },
      400,
      'malformed_json',
      /not allowed/,
    ],
    [{ method: 'POST', url, headers: json, payload: '' }, 400, 'invalid_value', /received nothing/],
    [
      { method: 'POST', url, headers: { 'content-type': 'text/plain' }, payload: '{}' },
      415,
      'unsupported_media_type',
      /must be application\/json; received "text\/plain"/,
    ],
    [
      { method: 'POST', url, headers: json, payload: JSON.stringify({ a: 'x'.repeat(2000) }) },
      413,
      'body_too_large',
      /at most 2000 bytes/,
    ],
    [
      { method: 'POST', url, headers: json, payload: `{"messages":${'['.repeat(900)}${']'.repeat(900)}}` },
      400,
      'json_too_deep',
      /deeper than 128 levels/,
    ],
  ];
  for (const [request, status, code, message] of cases) {
    const reply = await app.inject(request);
    const { error } = ErrorBody.strict().parse(reply.json());
    assert.deepEqual([reply.statusCode, error.code], [status, code], JSON.stringify(request));
    assert.match(error.message, message);
  }
});

test('a request id that can go into a log is kept, another one is replaced; both come back', async (t) => {
  const lines: string[] = [];
  const { app } = await build(t, { onLog: (line) => lines.push(line) });
  const idOf = async (id: string) =>
    (await app.inject({ url: '/health', headers: { 'x-request-id': id } })).headers['x-request-id'];
  assert.equal(await idOf('trace-1.a:b'), 'trace-1.a:b');
  assert.ok(lines.some((line) => line.includes('"reqId":"trace-1.a:b"')));
  for (const bad of ['a b', 'x'.repeat(129), 'a"b']) {
    const given = await idOf(bad);
    assert.ok(given !== undefined && given !== bad, bad);
  }
  const none = await app.inject('/nothing');
  assert.match(String(none.headers['x-request-id']), /^[\w-]{36}$/);
});

test('the start page is the playground, and /docs leads to the docs', async (t) => {
  const { app } = await build(t);
  const page = await app.inject('/');
  assert.match(page.body, /<title>steerd<\/title>/);
  for (const [, file = ''] of page.body.matchAll(/(?:src|href)="([^"#:]+)"/g)) {
    assert.ok(!file.startsWith('/'), `${file} is relative, so that it holds under a path of its own`);
    assert.ok((await app.inject(`/${file}`)).statusCode < 400, file);
  }
  assert.equal((await app.inject('/docs')).headers.location, 'docs/');
  const docs = await app.inject('/docs/');
  assert.ok([200, 302].includes(docs.statusCode));
});
