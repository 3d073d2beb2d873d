/** Keys and limits of servers that share a database: what one knows or spends counts for all. */
import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { AccessControl, Caller } from '../../src/access/access-control.js';
import { addKey, type KeyGrant } from '../../src/access/key-store.js';
import { openSharedAccess } from '../../src/access/shared-access.js';
import type { Database } from '../../src/database/database.js';
import { openDatabase } from '../../src/database/open-database.js';
import { SteerdError } from '../../src/errors.js';
import { temporaryFolder } from '../concepts/sample.js';
import { noPostgres, startPostgres, type TestPostgres } from '../helpers/postgres.js';

const log = { warn() {}, info() {}, error() {} };
let postgres: TestPostgres;
before(async () => {
  if (!noPostgres) postgres = await startPostgres();
});
after(() => postgres?.stop());

interface Replica {
  readonly access: AccessControl;
  readonly database: Database;
}

let made = 0;

async function replica(t: TestContext, url: string, dataDirectory?: string, servers = 1): Promise<Replica> {
  const database = await openDatabase(url, log, { connections: 4, pollMilliseconds: 300 });
  const { access, close } = await openSharedAccess({
    ...{ database, log, server: `server ${++made}`, servers: () => servers },
    dataDirectory: dataDirectory ?? (await temporaryFolder(t)),
  });
  t.after(async () => {
    await close();
    await database.close();
  });
  return { access, database };
}

const grant = (more: Partial<KeyGrant> = {}): KeyGrant => ({
  name: 'a key',
  scopes: ['completions'],
  ...more,
});
const admit = ({ access }: Replica, secret?: string) =>
  access.admit(secret === undefined ? undefined : `Bearer ${secret}`, 'completions');
const caller = async (one: Replica, secret: string): Promise<Caller> =>
  (await admit(one, secret)) ?? assert.fail('no key was needed');

/** Whether a server knows the key: one that knows of none yet lets everybody in, as nobody. */
const isKnown = (one: Replica, secret: string): Promise<boolean> =>
  admit(one, secret).then(
    (who) => who !== null,
    () => false,
  );

async function until(holds: () => Promise<boolean>, what: string, most = 1000): Promise<void> {
  for (const start = performance.now(); !(await holds()); await pause(5))
    assert.ok(performance.now() - start < most, `not within ${most} ms: ${what}`);
}
const succeeds = (work: Promise<unknown>) =>
  work.then(
    () => true,
    () => false,
  );

test('a key that one server makes or revokes counts on all, and once there was one, keys are needed', {
  skip: noPostgres,
}, async (t) => {
  const url = await postgres.createDatabase();
  const [one, other] = await Promise.all([replica(t, url), replica(t, url)]);
  await until(async () => one.database.listening && other.database.listening, 'listening');
  assert.equal(await admit(other), null);
  const { secret, key } = await one.access.keys.add(grant());
  await until(async () => !(await succeeds(admit(other))), 'keys are needed');
  assert.equal((await caller(other, secret)).key.id, key.id);
  assert.deepEqual(
    (await other.access.keys.list()).map(({ id }) => id),
    [key.id],
  );
  assert.equal((await other.access.keys.revoke(key.id))?.id, key.id);
  assert.equal(await other.access.keys.revoke(key.id), undefined);
  await until(async () => !(await isKnown(one, secret)), 'it is revoked');
  for (const each of [one, other, await replica(t, url)]) await assert.rejects(admit(each), { status: 401 });
});

test('a server that had keys never becomes open: neither by a database without any nor by one that is away', {
  skip: noPostgres,
}, async (t) => {
  const url = await postgres.createDatabase();
  const folder = await temporaryFolder(t);
  const { secret } = await addKey(folder, grant());
  const ofFile = await replica(t, url, folder);
  await assert.rejects(admit(ofFile), { status: 401 });
  assert.ok(await admit(ofFile, secret), 'the keys of its file go on');
  const shared = await ofFile.access.keys.add(grant());
  await postgres.kill();
  await assert.rejects(admit(ofFile), { status: 401 });
  assert.ok(await admit(ofFile, shared.secret), 'known keys go on');
  await assert.rejects(ofFile.access.keys.add(grant()), { code: 'database_unavailable' });
  await assert.rejects(openDatabase(url, log, { waitSeconds: 0 }), /DATABASE_URL/);
  await postgres.start();
  await until(() => succeeds(ofFile.access.keys.add(grant())), 'keys are made again', 5000);
});

const limited = (error: unknown) => error instanceof SteerdError && error.status === 429;

test('requests: all servers together never admit more than the limit, and what one does not need others get', {
  skip: noPostgres,
}, async (t) => {
  const url = await postgres.createDatabase();
  const replicas = await Promise.all([replica(t, url), replica(t, url), replica(t, url)]);
  const [first] = replicas;
  const { secret } = await first.access.keys.add(grant({ requests_per_minute: 60 }));
  await until(
    async () => (await Promise.all(replicas.map((each) => isKnown(each, secret)))).every(Boolean),
    'known',
  );
  const usages = await Promise.all(replicas.map(async (one) => (await caller(one, secret)).usage));
  const started = performance.now();
  let admitted = 0;
  const take = async (index: number) => {
    try {
      await usages[index % 3]?.takeRequest();
      admitted++;
    } catch (error) {
      assert.ok(limited(error), String(error));
    }
  };
  await Promise.all(Array.from({ length: 150 }, (_, i) => take(i)));
  const refilled = (performance.now() - started) / 1000;
  assert.ok(admitted <= 60 + refilled, `${admitted} of 60 and ${refilled}`);
  assert.ok(admitted >= 57, `${admitted} of 60: at most one lease of each lies idle`);
  const error = await Promise.resolve(usages[0]?.takeRequest()).catch((thrown: SteerdError) => thrown);
  if (error instanceof SteerdError) assert.ok((error.retryAfterSeconds ?? 0) > 0);
  assert.equal(usages[0]?.headers()['x-ratelimit-limit-requests'], '60');
});

test('tokens: what one server overspent the others know a second later', { skip: noPostgres }, async (t) => {
  const url = await postgres.createDatabase();
  const [one, other] = await Promise.all([replica(t, url), replica(t, url)]);
  const { secret } = await one.access.keys.add(grant({ tokens_per_minute: 100 }));
  await until(() => isKnown(other, secret), 'known');
  const [mine, theirs] = await Promise.all([caller(one, secret), caller(other, secret)]);
  (await theirs.usage.beginStream())();
  mine.usage.spendTokens(500);
  await assert.rejects(async () => mine.usage.beginStream(), limited);
  await until(
    () =>
      Promise.resolve(theirs.usage.beginStream()).then((end) => {
        end();
        return false;
      }, limited),
    'told',
    2500,
  );
});

test('streams: exact over all servers, and those of a server that is gone stop counting', {
  skip: noPostgres,
}, async (t) => {
  const url = await postgres.createDatabase();
  const replicas = await Promise.all([replica(t, url), replica(t, url)]);
  const [one, other] = replicas;
  const { secret } = await one.access.keys.add(grant({ concurrent_streams: 3 }));
  await until(() => isKnown(other, secret), 'known');
  const usages = await Promise.all(replicas.map(async (each) => (await caller(each, secret)).usage));
  const ends: (() => void)[] = [];
  const begin = (index: number) =>
    Promise.resolve(usages[index % 2]?.beginStream()).then((end) => void ends.push(end ?? assert.fail()));
  const outcomes = await Promise.allSettled(Array.from({ length: 10 }, (_, i) => begin(i)));
  assert.equal(ends.length, 3, 'of ten at once');
  for (const outcome of outcomes) if (outcome.status === 'rejected') assert.ok(limited(outcome.reason));
  for (const end of ends.splice(0)) {
    end();
    end();
  }
  await until(async () => {
    await Promise.allSettled([begin(0), begin(1), begin(0)]);
    return ends.length >= 3;
  }, 'ended ones make room');
  assert.equal(ends.length, 3);
  for (const end of ends.splice(0)) end();
  const gone = (until: string) =>
    one.database.query(
      `INSERT INTO steerd.key_streams SELECT id, 'gone', 3, ${until} FROM steerd.keys
       ON CONFLICT (key, server) DO UPDATE SET until = excluded.until`,
    );
  await gone("now() + interval '10 seconds'");
  await assert.rejects(begin(0), limited);
  await gone('now()');
  await Promise.all([begin(0), begin(1), begin(0)]);
});

test('without the database each server counts against its share, and at once', {
  skip: noPostgres,
}, async (t) => {
  const url = await postgres.createDatabase();
  const one = await replica(t, url, undefined, 2);
  const { secret } = await one.access.keys.add(grant({ requests_per_minute: 20, concurrent_streams: 4 }));
  const { usage } = await caller(one, secret);
  await postgres.kill();
  const started = performance.now();
  const requests = await Promise.allSettled(Array.from({ length: 30 }, async () => usage.takeRequest()));
  const streams = await Promise.allSettled(Array.from({ length: 6 }, async () => usage.beginStream()));
  assert.ok(performance.now() - started < 3000, 'nobody waits long for what is away');
  const fulfilled = (all: readonly PromiseSettledResult<unknown>[]) =>
    all.filter(({ status }) => status === 'fulfilled').length;
  assert.equal(fulfilled(requests), 10);
  assert.equal(fulfilled(streams), 2);
  await postgres.start();
  for (const outcome of streams) if (outcome.status === 'fulfilled') outcome.value();
  await until(() => succeeds(Promise.resolve(usage.beginStream())), 'streams begin again', 5000);
});

test('a key in words of a newer server lets nobody in here, and the others stay as exact', {
  skip: noPostgres,
}, async (t) => {
  const url = await postgres.createDatabase();
  const one = await replica(t, url);
  const known = await one.access.keys.add(grant());
  await one.database.query(
    `INSERT INTO steerd.keys (id, hash, key) VALUES ('key-new', 'h', '{"created": {"of": "tomorrow"}}')`,
  );
  const other = await replica(t, url);
  assert.equal(await isKnown(other, known.secret), true);
  const unknown: string[] = [];
  assert.equal((await other.access.keys.list((id) => unknown.push(id))).length, 1);
  assert.deepEqual(unknown, ['key-new']);
  await one.access.keys.revoke(known.key.id);
  await until(async () => !(await isKnown(other, known.secret)), 'revoked');
  assert.deepEqual(await other.access.keys.revoke('key-new'), { id: 'key-new' });
  assert.deepEqual(await one.database.query('SELECT id FROM steerd.keys'), [], 'a newer server is told too');
});
