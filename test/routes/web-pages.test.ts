/** Which Host, Origin and Sec-Fetch-Site a server without keys answers, and that keys make up for all of them. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { test } from 'node:test';
import { hostName, isForeignPage, isKnownHost } from '../../src/access/web-page.js';
import { ErrorBody } from '../../src/schemas/errors.js';
import { buildWithKeys } from '../access/keys.js';
import { type Built, build } from '../helpers/app.js';
import { listen } from '../helpers/http.js';

const chat = '/v1/chat/completions';
const payload = { messages: [{ role: 'user', content: 'Hi' }] };

const told = async ({ app }: Pick<Built, 'app'>, headers: Record<string, string>, url = chat) => {
  const reply = await app.inject(url === chat ? { method: 'POST', url, payload, headers } : { url, headers });
  return reply.statusCode === 200 ? 200 : ErrorBody.parse(reply.json()).error.code;
};

test('only loopback names, the address it listens on and what is configured are hosts of a server', () => {
  const loopback = [
    'localhost',
    'LOCALHOST:8080',
    'localhost.',
    'app.localhost',
    '127.0.0.1:1',
    '127.1.2.3',
    '[::1]:80',
  ];
  const foreign = [
    'evil.example',
    '127.0.0.1.evil.example',
    'localhost.evil.example',
    '10.0.0.1:80',
    '[::2]',
    '',
    'a b',
    'a@localhost',
    '::1',
    'localhost:x',
  ];
  for (const host of loopback) assert.ok(isKnownHost(host, '127.0.0.1', []), host);
  for (const host of foreign) assert.ok(!isKnownHost(host, '127.0.0.1', []), host);
  for (const host of foreign) assert.ok(isKnownHost(host, '127.0.0.1', ['*']), host);
  assert.ok(isKnownHost('Box.example:80', '127.0.0.1', ['box.EXAMPLE']));
  assert.ok(isKnownHost('box:80', 'box', []) && !isKnownHost('other:80', 'box', []));
  assert.ok(isKnownHost('10.0.0.1:80', '0.0.0.0', []) && isKnownHost('[::2]:80', '::', []));
  assert.ok(!isKnownHost('evil.example', '0.0.0.0', []));
  assert.ok(isKnownHost(undefined, '127.0.0.1', []), 'HTTP/1.0');
  assert.equal(hostName('[::1]:80'), '[::1]');
});

test('a browser says what page a request is from, and a program says nothing', () => {
  const host = 'localhost:8080';
  for (const own of [
    { host },
    { host, origin: 'http://localhost:8080' },
    { host, origin: 'https://LOCALHOST:8080' },
    { host, 'sec-fetch-site': 'same-origin', origin: 'http://behind.a.proxy' },
    { host, 'sec-fetch-site': 'none' },
  ]) {
    assert.ok(!isForeignPage(own, []), JSON.stringify(own));
  }
  for (const other of [
    { host, origin: 'http://evil.example' },
    { host, origin: 'http://localhost:3000' },
    { host, origin: 'null' },
    { host, 'sec-fetch-site': 'cross-site' },
    { host, 'sec-fetch-site': 'same-site', origin: 'http://localhost:3000' },
    { host, 'sec-fetch-site': 'anything' },
  ]) {
    assert.ok(isForeignPage(other, []), JSON.stringify(other));
    assert.ok(!isForeignPage(other, ['*']));
  }
  const named = { host, origin: 'http://localhost:3000', 'sec-fetch-site': 'same-site' };
  assert.ok(
    !isForeignPage(named, ['http://localhost:3000']) && isForeignPage(named, ['http://localhost:30']),
  );
});

test('without keys a foreign Host is refused everywhere, a foreign page everywhere but on public routes', async (t) => {
  const built = await build(t);
  for (const url of [chat, '/health', '/docs', '/v1/models', '/nowhere']) {
    assert.equal(await told(built, { host: 'evil.example' }, url), 'host_not_allowed', url);
  }
  const cross = { 'sec-fetch-site': 'cross-site' };
  for (const url of [chat, '/v1/models', '/metrics', '/v1/concepts/similarity']) {
    assert.equal(await told(built, cross, url), 'origin_not_allowed', url);
    assert.equal(await told(built, { origin: 'http://evil.example' }, url), 'origin_not_allowed', url);
  }
  assert.equal(await told(built, cross, '/health'), 200);
  assert.equal(built.engine.requests.length, 0);
  assert.equal(await told(built, {}), 200);
});

test('what the settings name is let in', async (t) => {
  const settings = { allowedHosts: ['box.example'], corsOrigins: ['https://app.example'] };
  const built = await build(t, { settings });
  assert.equal(await told(built, { host: 'box.example' }), 200);
  assert.equal(await told(built, { origin: 'https://app.example', 'sec-fetch-site': 'cross-site' }), 200);
  assert.equal(await told(built, { origin: 'https://app.example.evil' }), 'origin_not_allowed');
});

test('with keys the key decides, whatever page or name it comes by', async (t) => {
  const built = await buildWithKeys(t, [{}]);
  const from = { host: 'box.example', origin: 'http://evil.example', 'sec-fetch-site': 'cross-site' };
  assert.equal(await told(built, from), 'invalid_api_key');
  assert.equal(await told(built, { ...from, ...built.with(built.secrets[0]) }), 200);
});

test('a server without keys says once and loudly that a proxy stands before it', async (t) => {
  const lines: string[] = [];
  const onLog = (line: string) => lines.push(line);
  const loud = () => lines.filter((line) => line.includes('NO API KEYS')).length;
  const open = await build(t, { onLog });
  await open.app.inject('/health');
  assert.equal(loud(), 0);
  for (let i = 0; i < 3; i++)
    await open.app.inject({ url: '/health', headers: { 'x-forwarded-for': '10.0.0.1' } });
  assert.equal(loud(), 1);
  const closed = await buildWithKeys(t, [{}], { onLog });
  await closed.app.inject({ url: '/health', headers: { 'x-forwarded-for': '10.0.0.1' } });
  assert.equal(loud(), 1, 'with keys there is nothing to say');
});

test('a request line with a whole URL is answered, under the host that it names', async (t) => {
  const { app } = await build(t);
  const port = Number(new URL(await listen(app)).port);
  for (const [target, host, status] of [
    [`http://localhost:${port}/v1/models`, 'localhost', 200],
    ['http://evil.example/v1/models', 'localhost', 403],
    [`http://127.0.0.1:${port}/v1/models`, 'evil.example', 200],
  ] as const) {
    const sent = request({ port, host: '127.0.0.1', path: target, headers: { host } }).end();
    const [reply] = (await once(sent, 'response')) as [IncomingMessage];
    reply.resume();
    assert.equal(reply.statusCode, status, `${target} ${host}`);
  }
});

test('a request names one host, or in HTTP/1.0 none, with keys and without; what it expects is known', async (t) => {
  const one = 'Host: localhost\r\n';
  for (const { app } of [await build(t), await buildWithKeys(t, [{}])]) {
    const port = Number(new URL(await listen(app)).port);
    for (const [version, lines, told] of [
      ['1.1', `${one}host: evil.example\r\n`, / 400 [\s\S]*one Host header[\s\S]*malformed_request/],
      ['1.1', '', / 400 [\s\S]*one Host header[\s\S]*malformed_request/],
      ['1.0', '', / 200 /],
      ['1.1', `${one}Expect: 200-ok\r\n`, / 417 [\s\S]*200-ok[\s\S]*unknown_expectation/],
      ['1.1', `${one}Expect: 100-Continue\r\n`, / 200 /],
    ] as const) {
      const socket = connect(port, '127.0.0.1');
      socket.end(`GET /health HTTP/${version}\r\n${lines}Connection: close\r\n\r\n`);
      let reply = '';
      for await (const chunk of socket) reply += String(chunk);
      assert.match(reply, told);
      if (!told.source.startsWith(' 200')) assert.match(reply, /x-request-id/i);
    }
  }
});
