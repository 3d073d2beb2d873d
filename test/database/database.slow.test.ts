/** The database as everybody above knows it: many at once bring it up to date, notices arrive, and it may go and come back. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { packageRoot } from '../../src/common/package.js';
import type { Database } from '../../src/database/database.js';
import { openDatabase } from '../../src/database/open-database.js';
import { SteerdError } from '../../src/errors.js';
import { noPostgres, startPostgres, type TestPostgres } from '../helpers/postgres.js';

const log = { warn() {}, info() {} };
let postgres: TestPostgres;
before(async () => {
  if (!noPostgres) postgres = await startPostgres();
});
after(() => postgres?.stop());

const open = (url: string) => openDatabase(url, log, { pollMilliseconds: 200, waitSeconds: 5 });

async function until(holds: () => boolean, what: string): Promise<void> {
  for (const start = performance.now(); !holds(); await pause(10))
    assert.ok(performance.now() - start < 10_000, `not within 10 s: ${what}`);
}

test('many that start at once migrate once', { skip: noPostgres }, async () => {
  const url = await postgres.createDatabase();
  const all = await Promise.all(Array.from({ length: 6 }, () => open(url)));
  const rows = await (all[0] as Database).query<{ version: string }>(
    'SELECT version FROM steerd.migrations ORDER BY version',
  );
  const files = readdirSync(join(packageRoot, 'src', 'database', 'migrations'));
  // Postgrator's own first row is version 0.
  assert.deepEqual(
    rows.map(({ version }) => Number(version)),
    [0, ...files.map((file) => Number.parseInt(file, 10))],
  );
  await Promise.all(all.map((database) => database.close()));
});

test('a transaction is all or nothing', { skip: noPostgres }, async (t) => {
  const database = await open(await postgres.createDatabase());
  t.after(() => database.close());
  await database.query('CREATE TABLE numbers (n integer PRIMARY KEY)');
  const failing = database.transaction(async (queries) => {
    await queries.query('INSERT INTO numbers VALUES ($1)', [1]);
    await queries.query('INSERT INTO numbers VALUES ($1)', [1]);
  });
  await assert.rejects(failing, { code: '23505' });
  assert.deepEqual(await database.query('SELECT * FROM numbers'), []);
});

test('notices arrive; killed and back, the database is used again, and what was missed is looked for', {
  skip: noPostgres,
}, async (t) => {
  const url = await postgres.createDatabase();
  const [one, other] = await Promise.all([open(url), open(url)]);
  t.after(() => Promise.all([one.close(), other.close()]));
  const heard: string[] = [];
  let checks = 0;
  one.watch('news', { notice: (payload) => heard.push(payload), check: () => void checks++ });
  await until(() => one.listening && checks > 0, 'listening');
  await other.query("SELECT pg_notify('news', 'a')");
  await until(() => heard.includes('a'), 'the notice');

  await postgres.kill();
  await until(() => !one.listening, 'the loss is seen');
  await assert.rejects(
    one.query('SELECT 1'),
    (error) => error instanceof SteerdError && error.code === 'database_unavailable' && error.status === 503,
  );
  const before = checks;
  await postgres.start();
  await until(() => one.listening && checks > before, 'listening again');
  await other.query("SELECT pg_notify('news', 'b')");
  await until(() => heard.includes('b'), 'a notice after the return');
  assert.deepEqual(await one.query('SELECT 1 AS n'), [{ n: 1 }]);
});

test('a database that is not there is told without its password', { skip: noPostgres }, async () => {
  const opening = openDatabase('postgresql://me:hunter2@127.0.0.1:9/none', log, { waitSeconds: 0 });
  await assert.rejects(opening, (error: Error) => {
    assert.match(error.message, /DATABASE_URL must name .* not reached within 0 s/);
    assert.doesNotMatch(error.message, /hunter2/);
    return true;
  });
});
