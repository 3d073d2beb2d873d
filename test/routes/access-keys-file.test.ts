/** A keys file that appears, breaks, goes or changes under a running server: it is never open to anybody. */
import assert from 'node:assert/strict';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { AccessControl } from '../../src/access/access-control.js';
import { addKey } from '../../src/access/key-store.js';
import { ErrorBody } from '../../src/schemas/errors.js';
import { buildWithKeys, quiet } from '../access/keys.js';
import { temporaryFolder } from '../concepts/sample.js';
import { build } from '../helpers/app.js';

/** A server over a data directory; `ask` gives the status, or the error's code. */
async function over(t: TestContext, { key = '', log = quiet } = {}) {
  const folder = await temporaryFolder(t);
  const file = join(folder, 'keys.json');
  const access = await AccessControl.open(folder, log, key);
  const { app } = await build(t, { access });
  const ask = async (secret?: string, url = '/v1/models') => {
    const headers = secret === undefined ? {} : { authorization: `Bearer ${secret}` };
    const reply = await app.inject({ url, headers });
    return reply.statusCode === 200 ? 200 : ErrorBody.parse(reply.json()).error.code;
  };
  return { folder, file, access, ask };
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await pause(20);
}

test('a file that first appears broken closes the server from the next request on', async (t) => {
  for (const make of [
    (file: string) => writeFile(file, '{"format": 1, "keys": ['),
    (file: string) => writeFile(file, '{"format": 2, "keys": []}'),
    // What root may not read either.
    (file: string) => mkdir(file),
  ]) {
    const told: string[] = [];
    const log = { info() {}, error: (_: object, message: string) => told.push(message) };
    const { file, folder, ask } = await over(t, { log });
    assert.equal(await ask(), 200);
    await make(file);
    assert.equal(await ask(), 'keys_unreadable');
    assert.equal(await ask('anything'), 'keys_unreadable');
    assert.equal(await ask(undefined, '/health'), 200);
    assert.deepEqual(told, ['keys file refused; nobody is let in']);
    await rm(file, { recursive: true });
    const { secret } = await addKey(folder, { name: 'later', scopes: ['completions'] });
    await until(async () => (await ask(secret)) === 200);
    assert.equal(await ask(), 'invalid_api_key');
  }
});

test('a file that breaks, goes or is replaced lets in nobody whom it did not', async (t) => {
  const { file, folder, ask } = await over(t);
  const { secret } = await addKey(folder, { name: 'first', scopes: ['completions'] });
  assert.equal(await ask(), 'invalid_api_key', 'at once: there was no key before');
  assert.equal(await ask(secret), 200);
  await writeFile(file, 'broken');
  await pause(1100);
  assert.deepEqual(
    [await ask(), await ask('other'), await ask(secret)],
    ['invalid_api_key', 'invalid_api_key', 200],
  );
  await rm(file);
  await pause(1100);
  assert.deepEqual([await ask(), await ask(secret)], ['invalid_api_key', 'invalid_api_key']);
  const elsewhere = await temporaryFolder(t);
  const other = await addKey(elsewhere, { name: 'second', scopes: ['completions'] });
  await rename(join(elsewhere, 'keys.json'), file);
  await until(async () => (await ask(other.secret)) === 200);
  assert.deepEqual([await ask(), await ask(secret)], ['invalid_api_key', 'invalid_api_key']);
});

test('the key of the environment counts beside the file, and without one', async (t) => {
  const key = 'a-secret-of-the-environment';
  const { folder, ask, access } = await over(t, { key });
  assert.deepEqual(
    [await ask(), await ask(`${key}x`), await ask(key)],
    ['invalid_api_key', 'invalid_api_key', 200],
  );
  assert.equal(await ask(key, '/metrics'), 200, 'it may do everything');
  const { secret } = await addKey(folder, { name: 'more', scopes: ['completions'] });
  await until(async () => (await ask(secret)) === 200);
  assert.equal(await ask(key), 200);
  assert.deepEqual([access.keys.summary.inFile, access.keys.summary.fromEnvironment], [1, true]);
});

test('a key works until it expires, and says when it did', async (t) => {
  const now = Math.floor(Date.now() / 1000);
  const { app, secrets, with: as } = await buildWithKeys(t, [{ expires: now + 3600 }, { expires: now - 1 }]);
  const [good, late] = await Promise.all(
    secrets.map((secret) => app.inject({ url: '/v1/models', headers: as(secret) })),
  );
  assert.equal(good?.statusCode, 200);
  const { error } = ErrorBody.parse(late?.json());
  assert.deepEqual([late?.statusCode, error.code], [401, 'invalid_api_key']);
  assert.match(error.message, /expired at 2/);
});

test('a key for metrics scrapes and does nothing else', async (t) => {
  const {
    app,
    secrets,
    with: as,
  } = await buildWithKeys(t, [{ scopes: ['metrics'] }, { scopes: ['completions'] }]);
  const status = async (secret: string | undefined, method: 'GET' | 'POST', url: string) =>
    (await app.inject({ method, url, headers: as(secret), ...(method === 'POST' && { payload: {} }) }))
      .statusCode;
  const [scraper, other] = secrets;
  assert.deepEqual(
    [await status(scraper, 'GET', '/metrics'), await status(scraper, 'GET', '/load')],
    [200, 200],
  );
  for (const [method, url] of [
    ['GET', '/v1/models'],
    ['GET', '/v1/concepts'],
    ['GET', '/v1/fits'],
    ['POST', '/v1/chat/completions'],
    ['POST', '/v1/fits'],
    ['POST', '/v1/models/tiny/unload'],
    ['POST', '/tokenize'],
  ] as const) {
    assert.equal(await status(scraper, method, url), 403, url);
  }
  assert.equal(await status(other, 'GET', '/metrics'), 403);
});

test('models beyond the list do not exist for a key', async (t) => {
  const built = await buildWithKeys(t, [
    { models: ['tiny'], scopes: ['completions', 'concepts:write'] },
    { models: ['other'], scopes: ['completions', 'concepts:write'] },
  ]);
  const ask = async (secret: string | undefined, method: 'GET' | 'POST', url: string, payload?: object) => {
    const reply = await built.app.inject({
      method,
      url,
      headers: built.with(secret),
      ...(payload && { payload }),
    });
    return { status: reply.statusCode, body: reply.body };
  };
  const [own, foreign] = built.secrets;
  const messages = [{ role: 'user', content: 'Hi' }];
  const asked = [
    ['POST', '/v1/chat/completions', { messages }],
    ['POST', '/v1/chat/completions', { messages, model: 'tiny' }],
    ['POST', '/v1/chat/completions', { messages, model: 'tiny@pirate:1' }],
    ['GET', '/v1/models/tiny', undefined],
    ['POST', '/tokenize', { prompt: 'a' }],
    ['GET', '/v1/concepts/pirate', undefined],
    ['POST', '/v1/fits', { name: 'new', prefix: 'x' }],
  ] as const;
  for (const [method, url, payload] of asked) {
    const [mine, theirs] = [await ask(own, method, url, payload), await ask(foreign, method, url, payload)];
    assert.ok(mine.status < 300, `${url}: ${mine.body}`);
    assert.deepEqual(
      [theirs.status, theirs.body.includes('model_not_found')],
      [404, true],
      `${url}: ${theirs.body}`,
    );
  }
  for (const url of ['/v1/models', '/v1/concepts', '/v1/fits']) {
    assert.match((await ask(foreign, 'GET', url)).body, /"data":\[\]/, url);
  }
  assert.match((await ask(own, 'GET', '/v1/models')).body, /"tiny"/);
});
