/** How requests come in: paths, keys in other headers, origins, bytes; how streams go out while nothing is said. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AccessControl } from '../../src/access/access-control.js';
import { entryOf } from '../../src/concepts/stored-concept.js';
import { readSettings } from '../../src/config.js';
import { ChatCompletion } from '../../src/schemas/chat.js';
import { conceptPage } from '../../src/server/concept-object.js';
import { quiet } from '../access/keys.js';
import { sampleConcept, temporaryFolder } from '../concepts/sample.js';
import { build, gate } from '../helpers/app.js';
import { listen } from '../helpers/http.js';

const chat = '/v1/chat/completions';
const messages = [{ role: 'user', content: 'Hi' }];

test('every spelling of a path reaches its route', async (t) => {
  const { post } = await build(t);
  for (const url of [
    `${chat}/`,
    `/${chat}`,
    '/chat/completions',
    '/v1/v1/chat/completions',
    '/v1//chat/completions',
  ])
    await post(url, { messages }, ChatCompletion);
});

test('a key may come as x-api-key or api-key', async (t) => {
  const seen: (string | undefined)[] = [];
  const access = await AccessControl.open(await temporaryFolder(t), quiet);
  access.admit = async (authorization) => {
    seen.push(authorization);
    return null;
  };
  const { app } = await build(t, { access });
  for (const headers of [
    { 'x-api-key': 'k' },
    { 'api-key': 'k' },
    { authorization: 'Bearer k', 'api-key': 'x' },
    // What a proxy asked for, and passed on.
    { authorization: 'Basic eDp5', 'x-api-key': 'k' },
    // As clients write it that have no key for it.
    { authorization: 'Bearer ', 'x-api-key': 'k' },
  ])
    await app.inject({ url: '/v1/models', headers });
  assert.deepEqual(seen, Array(5).fill('Bearer k'));
});

test('desktop clients have origins too; one that is refused is told which setting names it', async (t) => {
  const origins = [
    'app://obsidian.md',
    'tauri://localhost',
    'chrome-extension://abcdef',
    'null',
    'http://a.b:3',
  ];
  const { corsOrigins } = readSettings({ STEERD_CORS_ORIGINS: origins.join(',') });
  assert.deepEqual(corsOrigins, origins);
  const { app } = await build(t, { settings: { corsOrigins } });
  const preflight = (origin: string) =>
    app.inject({
      method: 'OPTIONS',
      url: chat,
      headers: { origin, 'access-control-request-method': 'POST' },
    });
  for (const origin of origins) {
    const reply = await preflight(origin);
    assert.deepEqual([reply.statusCode, reply.headers['access-control-allow-origin']], [204, origin]);
  }
  const refused = await preflight('https://evil.example');
  assert.equal(refused.statusCode, 403);
  assert.match(refused.body, /STEERD_CORS_ORIGINS/);
  assert.equal(refused.headers['access-control-allow-origin'], undefined);
});

test('a body that is not UTF-8 is refused, with the byte', async (t) => {
  const { app, engine } = await build(t);
  const whole = Buffer.from(JSON.stringify({ messages: [{ role: 'user', content: 'é' }] }));
  for (const [at, byte] of [
    [whole.indexOf(0xc3), 0xff],
    [whole.indexOf(0xa9), 0x28],
  ] as const) {
    const bytes = Buffer.from(whole);
    bytes[at] = byte;
    const reply = await app.inject({
      method: 'POST',
      url: chat,
      headers: { 'content-type': 'application/json' },
      payload: bytes,
    });
    assert.equal(reply.statusCode, 400);
    assert.match(
      reply.json<{ error: { message: string } }>().error.message,
      new RegExp(`byte ${at} of it is not`),
    );
  }
  assert.equal(engine.requests.length, 0);
});

test('a byte order mark before a body counts for nothing', async (t) => {
  const { app } = await build(t);
  const payload = `\ufeff${JSON.stringify({ messages })}`;
  const headers = { 'content-type': 'application/json' };
  const reply = await app.inject({ method: 'POST', url: chat, headers, payload });
  assert.equal(reply.statusCode, 200, reply.body);
});

test('pages of concepts lose no row, whatever their size', async () => {
  const stored = ['a', 'b', 'b', 'b', 'c'].map((name, i) => ({
    concept: { ...sampleConcept(name), model: `m${i}` },
    source: 'data' as const,
    createdAt: 1,
  }));
  const concepts = {
    list: () => stored.map(entryOf),
    load: async (model: string, name: string) =>
      stored.find(({ concept }) => concept.model === model && concept.name === name),
  };
  for (const limit of [1, 2, 3, 5]) {
    const seen: string[] = [];
    let after: string | undefined;
    do {
      const page = await conceptPage(concepts, { limit, after }, undefined);
      seen.push(...page.data.map(({ model }) => model));
      after = page.next ?? undefined;
      assert.equal(page.has_more, after !== undefined);
    } while (after !== undefined);
    assert.deepEqual(seen, ['m0', 'm1', 'm2', 'm3', 'm4'], String(limit));
  }
});

test('a stream that waits says so at once, and proxies do not collect it', async (t) => {
  const waiting = gate();
  const { app } = await build(t, { pace: () => waiting.passed });
  const url = await listen(app);
  const reply = await fetch(`${url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ prompt: 'x', stream: true }),
  });
  assert.equal(reply.headers.get('x-accel-buffering'), 'no');
  const reader = (reply.body as ReadableStream<Uint8Array>).getReader();
  const first = await reader.read();
  assert.match(new TextDecoder().decode(first.value), /^: \n\n/);
  waiting.open();
  let rest = '';
  for (let next = await reader.read(); !next.done; next = await reader.read())
    rest += new TextDecoder().decode(next.value);
  assert.match(rest, /data: \[DONE\]/);
});

test('/docs works under a path of its own', async (t) => {
  const { app } = await build(t);
  const moved = await app.inject('/docs');
  assert.deepEqual([moved.statusCode, moved.headers.location], [302, 'docs/']);
  const page = await app.inject('/docs/');
  assert.doesNotMatch(page.body, /(?:href|src)="\//);
  assert.deepEqual((await app.inject('/docs/json')).json<{ servers: unknown }>().servers, [{ url: '..' }]);
});
