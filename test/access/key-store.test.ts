/** The keys file: what it keeps, how it changes under a running server, and what it refuses. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { AccessControl } from '../../src/access/access-control.js';
import { addKey, KeyStore, KeysFileError, readKeys, revokeKey } from '../../src/access/key-store.js';
import { isLoopback } from '../../src/access/loopback.js';
import { SteerdError } from '../../src/errors.js';
import { temporaryFolder } from '../concepts/sample.js';
import { quiet } from './keys.js';

const grant = { name: 'ci', scopes: ['completions'] } as const;
const mutable = () => ({ name: grant.name, scopes: [...grant.scopes] });

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await pause(20);
}

test('a secret is nowhere in the file, and only its owner may read the file', async (t) => {
  const folder = await temporaryFolder(t);
  const { secret, key } = await addKey(folder, mutable());
  assert.match(secret, /^sk-steerd-[\w-]{43}$/);
  const file = join(folder, 'keys.json');
  const text = await readFile(file, 'utf8');
  assert.ok(!text.includes(secret) && text.includes(key.hash));
  if (process.platform !== 'win32') assert.equal((await stat(file)).mode & 0o777, 0o600);
  const store = await KeyStore.open(folder, quiet);
  assert.equal(store.find(secret)?.id, key.id);
  for (const wrong of ['', secret.slice(0, -1), `${secret}x`, secret.toLowerCase(), key.hash]) {
    assert.equal(store.find(wrong), undefined, wrong);
  }
});

test('keys added and revoked count at once in a running server; without the file nobody gets in', async (t) => {
  const folder = await temporaryFolder(t);
  const store = await KeyStore.open(folder, quiet);
  assert.equal(store.needed, false);
  const { secret, key } = await addKey(folder, mutable());
  const knows = async () => {
    await store.refresh();
    return store.find(secret) !== undefined;
  };
  await until(knows);
  assert.equal(store.needed, true);
  assert.equal((await revokeKey(folder, key.id))?.id, key.id);
  await until(async () => !(await knows()));
  assert.equal(await revokeKey(folder, key.id), undefined);
  assert.deepEqual(await readKeys(folder), []);
  assert.equal((await KeyStore.open(folder, quiet)).needed, true, 'an empty file closes the server');
  await rm(join(folder, 'keys.json'));
  await pause(1100);
  await store.refresh();
  assert.deepEqual([store.needed, store.size], [true, 0]);
});

test('a file that becomes unreadable leaves the keys as they were, and says so without quoting it', async (t) => {
  const folder = await temporaryFolder(t);
  const { secret } = await addKey(folder, mutable());
  const told: string[] = [];
  const log = { info() {}, error: (details: object) => told.push(String((details as { err: Error }).err)) };
  const store = await KeyStore.open(folder, log);
  await writeFile(join(folder, 'keys.json'), '{"format": 1, secret-looking-text');
  await until(async () => {
    await store.refresh();
    return told.length > 0;
  });
  assert.match(told[0] ?? '', /keys\.json cannot be read: it is not JSON$/);
  assert.ok(store.find(secret));
});

test('files that are not what they should be stop the start', async (t) => {
  const folder = await temporaryFolder(t);
  const { key } = await addKey(folder, mutable());
  const write = (value: unknown) => writeFile(join(folder, 'keys.json'), JSON.stringify(value));
  for (const keys of [
    [key, key],
    [{ ...key, scope: 'admin' }],
    [{ ...key, scopes: ['root'] }],
    [{ ...key, hash: 'plain text' }],
    [{ ...key, steering: { concept: 'a', strenght: 1 } }],
  ]) {
    await write({ format: 1, keys });
    await assert.rejects(AccessControl.open(folder, quiet), KeysFileError, JSON.stringify(keys));
  }
  await write({ format: 2, keys: [] });
  await assert.rejects(readKeys(folder), KeysFileError);
});

test('a link that leads nowhere, a folder and a pipe of that name are no missing file', {
  skip: process.platform === 'win32' && 'it has neither',
}, async (t) => {
  const root = await temporaryFolder(t);
  const put: Readonly<Record<string, (file: string) => unknown>> = {
    link: (file) => symlink(join(root, 'volume/keys.json'), file),
    folder: (file) => mkdir(file),
    pipe: (file) => execFileSync('mkfifo', [file]),
  };
  for (const [what, make] of Object.entries(put)) {
    const folder = join(root, what);
    await mkdir(folder);
    const running = await KeyStore.open(folder, quiet);
    assert.equal(running.needed, false);
    await make(join(folder, 'keys.json'));
    await running.refresh();
    assert.deepEqual([running.needed, running.unreadable], [true, true], what);
    await assert.rejects(KeyStore.open(folder, quiet), KeysFileError, what);
  }
  // The volume comes.
  const { secret } = await addKey(join(root, 'volume'), mutable());
  assert.ok((await KeyStore.open(join(root, 'link'), quiet)).find(secret));
});

test('a key that could not work is not made', async (t) => {
  const folder = await temporaryFolder(t);
  for (const bad of [
    { scopes: [] },
    { requests_per_minute: 0 },
    { max_strength: -1 },
    { steering: { concept: 'a', strength: 1e9 } },
  ]) {
    await assert.rejects(addKey(folder, { ...mutable(), ...bad }), SteerdError, JSON.stringify(bad));
  }
  assert.equal(await readKeys(folder), null);
});

test('loopback is this machine and nothing else', () => {
  for (const host of ['127.0.0.1', '127.8.8.8', '::1', '[::1]', 'localhost'])
    assert.ok(isLoopback(host), host);
  for (const host of ['0.0.0.0', '::', '192.168.0.1', '127.0.0.1.evil.example', 'example.org', '']) {
    assert.ok(!isLoopback(host), host);
  }
});
