/** What a page in a real browser gets of a server without keys: nothing, unless its origin is allowed. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type BuildOptions, build } from '../helpers/app.js';
import { browse, noBrowser, type PageRequest } from '../helpers/browser.js';
import { listen } from '../helpers/http.js';

const skip = noBrowser ?? false;
const chat = '/v1/chat/completions';
const body = JSON.stringify({ messages: [{ role: 'user', content: 'Hi' }] });
const json = { 'content-type': 'application/json' };

/** The application on a free port, and each request that reached it with its status. */
async function watched(t: TestContext, settings: BuildOptions['settings'] = {}) {
  const reached: string[] = [];
  const built = await build(t, {
    settings,
    extend: (app) => {
      app.addHook('onResponse', async ({ method, url, headers }, { statusCode }) => {
        if (url !== '/favicon.ico')
          reached.push(`${method} ${url} ${headers.host?.split(':')[0]} ${statusCode}`);
      });
    },
  });
  const base = await listen(built.app);
  return { ...built, base, port: Number(new URL(base).port), reached };
}

/** What needs no preflight, and what does. */
const attacks = (base: string): readonly PageRequest[] => [
  { url: `${base}/v1/models`, options: { mode: 'no-cors' } },
  { url: `${base}/v1/models/tiny/unload`, options: { method: 'POST', mode: 'no-cors' } },
  { url: `${base}${chat}`, options: { method: 'POST', mode: 'no-cors', body } },
  { url: `${base}/v1/fits/fit-0/cancel`, options: { method: 'POST', mode: 'no-cors' } },
  { url: `${base}${chat}`, options: { method: 'POST', headers: json, body } },
  { url: `${base}/v1/concepts/pirate`, options: { method: 'DELETE' } },
];

test('a page of another origin reaches nothing', { skip }, async (t) => {
  const { base, engine, services, reached } = await watched(t);
  const seen = await browse({ host: 'evil.example', requests: attacks(base) });
  assert.deepEqual(
    seen,
    Array(6).fill('failed'),
    'Cross-Origin-Resource-Policy hides even that there was an answer',
  );
  assert.ok(reached.length >= 4, reached.join('\n'));
  for (const request of reached) assert.match(request, / 40[34]$/, request);
  assert.equal(engine.requests.length, 0);
  assert.ok(services.concepts.find('tiny', 'pirate'));
});

test('a page that rebinds its name to this machine reaches nothing', { skip }, async (t) => {
  const { port, engine, services, reached } = await watched(t);
  const seen = await browse({ host: 'evil.example', rebindTo: port, requests: attacks('') });
  assert.deepEqual(seen, [403, 403, 403, 403, 403, 403], 'it is the same origin to the browser');
  assert.equal(reached.filter((request) => request.endsWith('evil.example 403')).length, 6);
  assert.equal(engine.requests.length, 0);
  assert.ok(services.concepts.find('tiny', 'pirate'));
});

test('the same page works where its origin is allowed, and one that the server hands out does', {
  skip,
}, async (t) => {
  // The page's port is not known before; any origin is.
  const open = await watched(t, { corsOrigins: ['*'] });
  const asked = [{ url: `${open.base}${chat}`, options: { method: 'POST', headers: json, body } }];
  assert.deepEqual(await browse({ host: 'good.example', requests: asked }), [200]);
  const own = await watched(t);
  const seen = await browse({
    host: '127.0.0.1',
    rebindTo: own.port,
    requests: [
      { url: '/docs' },
      { url: '/v1/models' },
      { url: chat, options: { method: 'POST', headers: json, body } },
      { url: '/v1/models/tiny/load', options: { method: 'POST' } },
    ],
  });
  assert.deepEqual(seen, [200, 200, 200, 200], own.reached.join('\n'));
});
