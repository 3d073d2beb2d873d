/** Keys over HTTP: an admin makes, sees and revokes them; nobody else does, and nobody makes the first one this way. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { AccessControl } from '../../src/access/access-control.js';
import { ErrorBody } from '../../src/schemas/errors.js';
import { KeyList, MadeKey } from '../../src/schemas/keys.js';
import { buildWithKeys, quiet } from '../access/keys.js';
import { temporaryFolder } from '../concepts/sample.js';
import { build } from '../helpers/app.js';

const refused = (body: unknown) => ErrorBody.parse(body).error;

test('an admin makes a key, which works at once, sees it without its secret, and revokes it', async (t) => {
  const { app, secrets, with: as } = await buildWithKeys(t, [{ scopes: ['admin'], name: 'boss' }]);
  const headers = as(secrets[0]);
  const payload = { name: 'bot', scopes: ['concepts:read'], requests_per_minute: 10, models: null };
  const reply = await app.inject({ method: 'POST', url: '/v1/keys', headers, payload });
  assert.equal(reply.statusCode, 201);
  const { secret, ...made } = MadeKey.parse(reply.json());
  assert.deepEqual([made.name, made.scopes, made.requests_per_minute], ['bot', ['concepts:read'], 10]);

  const concepts = () => app.inject({ url: '/v1/concepts', headers: as(secret) });
  assert.equal((await concepts()).statusCode, 200);
  const list = KeyList.parse((await app.inject({ url: '/v1/keys', headers })).json());
  assert.deepEqual(
    list.data.map(({ name }) => name),
    ['boss', 'bot'],
  );
  assert.equal(list.own, list.data[0]?.id);
  assert.deepEqual(list.data[1], made);
  assert.ok(!JSON.stringify(list).includes('hash'));

  const gone = await app.inject({ method: 'DELETE', url: `/v1/keys/${made.id}`, headers });
  assert.deepEqual(gone.json(), { id: made.id, object: 'api_key', deleted: true });
  assert.equal((await concepts()).statusCode, 401);
  const again = await app.inject({ method: 'DELETE', url: `/v1/keys/${made.id}`, headers });
  assert.equal(refused(again.json()).code, 'key_not_found');
});

test('scopes default to completions, and what is wrong is named by field', async (t) => {
  const { app, secrets, with: as } = await buildWithKeys(t, [{ scopes: ['admin'] }]);
  const make = (payload: object) =>
    app.inject({ method: 'POST', url: '/v1/keys', headers: as(secrets[0]), payload });
  assert.deepEqual(MadeKey.parse((await make({ name: 'a', scopes: null })).json()).scopes, ['completions']);
  for (const [payload, param] of [
    [{}, 'name'],
    [{ name: 'a', scopes: ['root'] }, 'scopes.0'],
    [{ name: 'a', scopes: [] }, 'scopes'],
    [{ name: 'a', requests_per_minute: 0 }, 'requests_per_minute'],
    [{ name: 'a', max_strength: -1 }, 'max_strength'],
    [{ name: 'a', steering: 'loud' }, 'steering'],
    [{ name: 'a', hash: 'f'.repeat(64) }, null],
  ] as const) {
    const reply = await make(payload);
    assert.equal(reply.statusCode, 400, JSON.stringify(payload));
    assert.equal(refused(reply.json()).param, param);
  }
});

test('the key of the request stays, and so does a lock that nobody holds a key to', async (t) => {
  const {
    app,
    secrets,
    with: as,
  } = await buildWithKeys(t, [{ scopes: ['admin'] }, { scopes: ['completions'] }]);
  const headers = as(secrets[0]);
  const { own } = KeyList.parse((await app.inject({ url: '/v1/keys', headers })).json());
  const reply = await app.inject({ method: 'DELETE', url: `/v1/keys/${own}`, headers });
  assert.equal(refused(reply.json()).code, 'key_in_use');
  const other = await app.inject({ url: '/v1/keys', headers: as(secrets[1]) });
  assert.equal(refused(other.json()).code, 'insufficient_scope');
});

test('where no key is needed nobody makes the first one over HTTP; a broken file is said to be one', async (t) => {
  const folder = await temporaryFolder(t);
  const access = await AccessControl.open(folder, quiet);
  const { app } = await build(t, { access });
  const make = () =>
    app.inject({ method: 'POST', url: '/v1/keys', payload: { name: 'mine', scopes: ['admin'] } });
  assert.equal(refused((await make()).json()).code, 'no_keys_yet');
  const { data, needed } = KeyList.parse((await app.inject('/v1/keys')).json());
  assert.deepEqual([data, needed], [[], false]);
  await writeFile(join(folder, 'keys.json'), '{');
  assert.equal(refused((await make()).json()).code, 'keys_unreadable');
});
