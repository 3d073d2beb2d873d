/** What keeps a server up that anybody can reach: browsers, deep bodies, deadlines, clients that do not read. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { isDeeperThan } from '../../src/http/json-depth.js';
import { ErrorBody } from '../../src/schemas/errors.js';
import { build, until } from '../helpers/app.js';
import { listen, open } from '../helpers/http.js';
import { events } from '../helpers/sse.js';

const chat = '/v1/chat/completions';
const messages = [{ role: 'user', content: 'Hi' }];

test('web pages may not call the API unless their origin is named', async (t) => {
  const preflight = {
    method: 'OPTIONS',
    url: chat,
    headers: {
      origin: 'https://a.example',
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,content-type',
    },
  } as const;
  const closed = await build(t);
  const refused = await closed.app.inject(preflight);
  assert.equal(refused.headers['access-control-allow-origin'], undefined);
  assert.equal(refused.statusCode, 403);
  assert.match(refused.body, /STEERD_CORS_ORIGINS/);

  const named = await build(t, { settings: { corsOrigins: ['https://a.example', 'https://b.example'] } });
  const allowed = await named.app.inject(preflight);
  assert.equal(allowed.statusCode, 204);
  assert.equal(allowed.headers['access-control-allow-origin'], 'https://a.example');
  assert.match(String(allowed.headers['access-control-allow-headers']), /authorization/);
  const reply = await named.app.inject({ url: '/health', headers: { origin: 'https://a.example' } });
  assert.equal(reply.headers['access-control-allow-origin'], 'https://a.example');
  assert.match(String(reply.headers['access-control-expose-headers']), /retry-after/);
  assert.equal(reply.headers['access-control-allow-credentials'], undefined);
  const other = await named.app.inject({ url: '/health', headers: { origin: 'https://evil.example' } });
  assert.notEqual(other.headers['access-control-allow-origin'], 'https://evil.example');
});

test('every reply carries security headers, and the docs need nothing that they forbid', async (t) => {
  const { app } = await build(t);
  for (const url of ['/health', '/nothing', '/docs/', '/v1/models']) {
    const { headers } = await app.inject(url);
    assert.equal(headers['x-content-type-options'], 'nosniff', url);
    assert.equal(headers['x-frame-options'], 'DENY', url);
    assert.match(
      String(headers['content-security-policy']),
      /default-src 'self'.*frame-ancestors 'none'/,
      url,
    );
    assert.equal(headers['strict-transport-security'], undefined, url);
  }
  const page = (await app.inject('/docs/')).body;
  const sources = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, source]) => source ?? '');
  assert.ok(sources.length >= 4);
  for (const source of sources) {
    assert.ok(!/^(https?:)?\/\//.test(source), `${source} is from elsewhere`);
    const { statusCode } = await app.inject(new URL(source, 'http://x/docs/').pathname);
    assert.equal(statusCode, 200, source);
  }
  assert.ok(!/<script(?![^>]*src=)[^>]*>[^<]/.test(page), 'an inline script would not run');
});

test('depth is counted as a parser would, and brackets inside strings do not count', () => {
  const nested = (depth: number) => `${'[{"a":'.repeat(depth / 2)}1${'}]'.repeat(depth / 2)}`;
  assert.equal(isDeeperThan(nested(128), 128), false);
  assert.equal(isDeeperThan(nested(130), 128), true);
  assert.equal(isDeeperThan(JSON.stringify({ a: '[{'.repeat(1000), b: '\\"[[['.repeat(500) }), 4), false);
  assert.equal(isDeeperThan(`["\\\\",${'['.repeat(200)}`, 128), true);
  assert.equal(isDeeperThan('"'.repeat(1001), 4), false);
});

test('bodies of any depth are refused without harm', async (t) => {
  const { refused } = await build(t, { bodyLimit: 1_000_000 });
  for (const depth of [200, 60_000, 400_000]) {
    for (const [opens, closes] of [
      ['[', ']'],
      ['{"a":', '}'],
    ] as const) {
      const count = Math.min(depth, Math.floor(900_000 / (opens.length + 1)));
      const error = await refused(chat, `{"messages":${opens.repeat(count)}1${closes.repeat(count)}}`);
      assert.deepEqual([error.status, error.code], [400, 'json_too_deep']);
    }
  }
});

test('an answer that takes longer than a request may ends with an error, streaming or not, and frees its slot', async (t) => {
  const { app, refused, engine } = await build(t, {
    settings: { requestSeconds: 0.2 },
    answer: () => 'x'.repeat(10_000),
    capacity: 20_000,
    pace: () => new Promise((resolve) => setTimeout(resolve, 5)),
  });
  const plain = await refused(chat, { messages });
  assert.deepEqual([plain.status, plain.code], [504, 'deadline_exceeded']);
  const reply = await open(`${await listen(app)}${chat}`, { messages, stream: true });
  const received = events(await reply.ended);
  assert.ok(received.length > 3);
  assert.equal(ErrorBody.parse(received.at(-1)).error.code, 'deadline_exceeded');
  await until(() => engine.running === 0 && app.answers.size === 0);
});

test('a client that never reads is cut, and nobody else notices', async (t) => {
  const length = 150_000;
  const lines: string[] = [];
  const { app, engine } = await build(t, {
    settings: { readerSeconds: 1 },
    onLog: (line) => lines.push(line),
    capacity: length + 100,
    answer: (prompt) => (prompt.includes('long') ? 'w'.repeat(length) : 'fine'),
    pace: (step) => (step % 200 === 0 ? new Promise(setImmediate) : Promise.resolve()),
  });
  const url = new URL(await listen(app));
  const socket = connect(Number(url.port), url.hostname);
  await once(socket, 'connect');
  socket.pause();
  const body = JSON.stringify({ messages: [{ role: 'user', content: 'long' }], stream: true });
  socket.write(
    `POST ${chat} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  await until(() => engine.requests.length === 1);
  const started = performance.now();
  while (!lines.some((line) => line.includes('does not read'))) {
    const reply = await open(`${url.origin}${chat}`, { messages, stream: true });
    assert.equal(events(await reply.ended).at(-1), '[DONE]');
  }
  const waited = performance.now() - started;
  assert.ok(waited > 900 && waited < 15_000, `${waited} ms`);
  await until(() => engine.running === 0 && app.answers.size === 0);
  socket.destroy();
});

test('a slow engine is not a slow reader', async (t) => {
  const { app } = await build(t, {
    settings: { readerSeconds: 0.3 },
    answer: () => 'ab',
    pace: (step) => (step === 1 ? new Promise((resolve) => setTimeout(resolve, 1200)) : Promise.resolve()),
  });
  const reply = await open(`${await listen(app)}${chat}`, { messages, stream: true });
  assert.equal(events(await reply.ended).at(-1), '[DONE]');
});
