/** API keys over HTTP: who gets in, how far, how often, and that no secret is ever written down. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { test } from 'node:test';
import OpenAI from 'openai';
import { ErrorBody } from '../../src/schemas/errors.js';
import { buildWithKeys } from '../access/keys.js';
import { gate, until } from '../helpers/app.js';
import { listen } from '../helpers/http.js';

const chat = '/v1/chat/completions';
const messages = [{ role: 'user', content: 'Hi' }];
const steered = (more: object) => ({ messages, ...more });

test('public routes need no key; the others a right one with the right scope', async (t) => {
  const built = await buildWithKeys(t, [
    { scopes: ['completions'] },
    { scopes: ['concepts:read'] },
    { scopes: ['concepts:write'] },
    { scopes: ['admin'] },
  ]);
  const statuses = async (method: 'GET' | 'POST' | 'DELETE', url: string, payload?: object) => {
    const tries = [undefined, 'sk-steerd-wrong', ...built.secrets];
    const all: number[] = [];
    for (const secret of tries) {
      const headers = secret === undefined ? {} : built.with(secret);
      all.push((await built.app.inject({ method, url, headers, ...(payload && { payload }) })).statusCode);
    }
    return all;
  };
  //                                                            none wrong compl read write admin
  assert.deepEqual(await statuses('GET', '/health'), [200, 200, 200, 200, 200, 200]);
  assert.deepEqual(await statuses('GET', '/v1/models'), [401, 401, 200, 200, 200, 200]);
  assert.deepEqual(await statuses('POST', chat, { messages }), [401, 401, 200, 403, 403, 200]);
  assert.deepEqual(await statuses('GET', '/v1/concepts'), [401, 401, 403, 200, 200, 200]);
  assert.deepEqual(await statuses('DELETE', '/v1/concepts/ocean'), [401, 401, 403, 403, 403, 403]);
  assert.deepEqual(await statuses('DELETE', '/v1/concepts/nobody'), [401, 401, 403, 403, 404, 404]);
  assert.deepEqual(await statuses('GET', '/v1/fits'), [401, 401, 403, 200, 200, 200]);
});

test('errors have their shape, their type in the SDK, and say how to authenticate', async (t) => {
  const { app, secrets } = await buildWithKeys(t, [
    { scopes: ['concepts:read'] },
    { requests_per_minute: 1 },
  ]);
  const baseURL = `${await listen(app)}/v1`;
  const call = (apiKey: string | undefined) =>
    new OpenAI({ baseURL, apiKey: apiKey ?? '', maxRetries: 0 }).chat.completions.create({
      model: 'tiny',
      messages: [{ role: 'user', content: 'Hi' }],
    });
  await assert.rejects(call('sk-wrong'), OpenAI.AuthenticationError);
  await assert.rejects(call(secrets[0]), OpenAI.PermissionDeniedError);
  await call(secrets[1]);
  await assert.rejects(call(secrets[1]), (error: unknown) => {
    assert.ok(error instanceof OpenAI.RateLimitError);
    assert.equal(error.code, 'rate_limit_exceeded');
    const wait = Number(error.headers?.get('retry-after'));
    assert.ok(wait > 50 && wait <= 60);
    assert.equal(error.headers?.get('x-ratelimit-limit-requests'), '1');
    assert.equal(error.headers?.get('x-ratelimit-remaining-requests'), '0');
    return true;
  });
  const reply = await app.inject({ url: '/v1/models' });
  assert.match(String(reply.headers['www-authenticate']), /^Bearer/);
  assert.equal(ErrorBody.parse(reply.json()).error.code, 'invalid_api_key');
});

test('a wrong key is refused before the body is read', async (t) => {
  const { app } = await buildWithKeys(t, [{}]);
  const url = new URL(await listen(app));
  const sent = request({
    ...{ hostname: url.hostname, port: url.port },
    method: 'POST',
    path: chat,
    headers: { 'content-length': 90_000, 'content-type': 'application/json' },
  });
  sent.on('error', () => {});
  sent.flushHeaders();
  const [response] = await once(sent, 'response');
  assert.equal(response.statusCode, 401);
  sent.destroy();
});

test('tokens are counted as they are made; overspent, the next request waits', async (t) => {
  const built = await buildWithKeys(t, [{ tokens_per_minute: 40 }], { answer: () => 'x'.repeat(30) });
  const headers = built.with(built.secrets[0]);
  const send = () => built.app.inject({ method: 'POST', url: chat, headers, payload: { messages } });
  const first = await send();
  const { total_tokens: used } = (first.json() as { usage: { total_tokens: number } }).usage;
  assert.ok(used > 40);
  const second = await send();
  assert.equal(second.statusCode, 429);
  const wait = Number(second.headers['retry-after']);
  assert.ok(Math.abs(wait - ((used - 40) * 60) / 40) <= 3, `${wait} s for ${used} tokens`);
  assert.equal(second.headers['x-ratelimit-remaining-tokens'], '0');
});

test('as many completions at once as the key may run; one that ends or leaves makes room', async (t) => {
  const open = gate();
  const built = await buildWithKeys(t, [{ concurrent_streams: 2 }, {}], { pace: async () => open.passed });
  const url = `${await listen(built.app)}${chat}`;
  const start = (secret: string | undefined) => {
    const sent = request(url, {
      method: 'POST',
      headers: { ...built.with(secret), 'content-type': 'application/json' },
    });
    sent.on('error', () => {});
    sent.end(JSON.stringify({ messages, stream: true }));
    return sent;
  };
  const [mine, other] = built.secrets;
  const streams = [start(mine), start(mine)];
  await until(() => built.engine.running === 2);
  const send = (secret: string | undefined) =>
    built.app.inject({ method: 'POST', url: chat, headers: built.with(secret), payload: { messages } });
  const refused = await send(mine);
  assert.deepEqual([refused.statusCode, refused.headers['retry-after']], [429, '1']);
  const others = send(other);
  await until(() => built.engine.running === 3);
  streams[0]?.destroy();
  await until(() => built.app.answers.size === 2);
  const again = send(mine);
  open.open();
  assert.deepEqual([(await again).statusCode, (await others).statusCode], [200, 200]);
});

test('concepts beyond the list are hidden and refused, strengths above the cap too', async (t) => {
  const built = await buildWithKeys(t, [
    { scopes: ['completions', 'concepts:write'], concepts: ['pirate'], max_strength: 1 },
  ]);
  const headers = built.with(built.secrets[0]);
  const list = await built.app.inject({ url: '/v1/concepts', headers });
  assert.deepEqual(
    (list.json() as { data: { name: string }[] }).data.map(({ name }) => name),
    ['pirate'],
  );
  const send = async (method: 'POST' | 'GET', url: string, payload?: object) => {
    const reply = await built.app.inject({ method, url, headers, ...(payload && { payload }) });
    return [reply.statusCode, (reply.json() as { error?: { code: string } }).error?.code];
  };
  assert.deepEqual(await send('POST', chat, steered({ concept: 'pirate', strength: 1 })), [200, undefined]);
  assert.deepEqual(await send('POST', chat, steered({ concept: 'ocean' })), [403, 'concept_not_allowed']);
  assert.deepEqual(await send('GET', '/v1/concepts/ocean'), [403, 'concept_not_allowed']);
  assert.deepEqual(await send('GET', '/v1/concepts/ocean/vectors'), [403, 'concept_not_allowed']);
  assert.deepEqual(await send('POST', '/v1/fits', { name: 'new', prefix: 'x' }), [
    403,
    'concept_not_allowed',
  ]);
  const loud = steered({ concept: 'pirate', strength: 1.5 });
  assert.deepEqual(await send('POST', chat, loud), [403, 'strength_above_cap']);
  assert.equal(built.engine.requests.length, 1);
});

test("a key's own steering counts where the request says nothing about steering", async (t) => {
  const built = await buildWithKeys(t, [{ steering: { concept: 'pirate', strength: 0.5 } }]);
  const headers = built.with(built.secrets[0]);
  const receipts = async (url: string, payload: object) => {
    const reply = await built.app.inject({ method: 'POST', url, headers, payload });
    assert.equal(reply.statusCode, 200, reply.body);
    return ((reply.json() as { steering?: { concept: string; strength: number }[] }).steering ?? []).map(
      ({ concept, strength }) => [concept, strength],
    );
  };
  assert.deepEqual(await receipts(chat, { messages }), [['pirate', 0.5]]);
  assert.deepEqual(await receipts('/v1/completions', { prompt: 'Hi' }), [['pirate', 0.5]]);
  assert.deepEqual(await receipts('/v1/responses', { input: 'Hi' }), [['pirate', 0.5]]);
  assert.deepEqual(await receipts(chat, { messages, concept: 'ocean' }), [['ocean', 1]]);
  assert.deepEqual(await receipts(chat, { messages, steering: [] }), []);
});

test('no secret is ever logged: not from headers, nor from wrong keys, nor when the server fails', async (t) => {
  const lines: string[] = [];
  const built = await buildWithKeys(t, [{}], {
    onLog: (line) => lines.push(line),
    answer: () => [new Error('broken')],
  });
  const wrong = 'sk-steerd-wrong-but-secret-all-the-same';
  for (const secret of [built.secrets[0], wrong]) {
    const headers = { ...built.with(secret), cookie: 'session=private' };
    await built.app.inject({ method: 'POST', url: chat, headers, payload: { messages } });
  }
  built.app.log.info({ req: { headers: built.with(wrong) }, headers: built.with(wrong) }, 'by mistake');
  const log = lines.join('\n');
  assert.ok(lines.some((line) => line.includes('broken')) && log.includes('[redacted]'));
  for (const secret of [...built.secrets, wrong, 'private']) assert.ok(!log.includes(secret), secret);
  assert.match(log, /"key":"key-[0-9a-f]{12}"/);
});
