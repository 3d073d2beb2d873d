/** Concepts in a database that several servers share: the laws of a store, and what only several can do to each other. */
import assert from 'node:assert/strict';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { ConceptStore } from '../../src/concepts/concept-store.js';
import { DatabaseConcepts } from '../../src/concepts/database-concepts.js';
import { applySync, planSync } from '../../src/concepts/sync-concepts.js';
import type { Database } from '../../src/database/database.js';
import { openDatabase } from '../../src/database/open-database.js';
import { noPostgres, startPostgres, type TestPostgres } from '../helpers/postgres.js';
import { sampleConcept, temporaryFolder } from './sample.js';
import { hasCode, type LawOptions, storeLaws } from './store-laws.js';

const log = { warn() {}, info() {}, error() {} };
let postgres: TestPostgres;
before(async () => {
  if (!noPostgres) postgres = await startPostgres();
});
after(() => postgres?.stop());

interface Replica {
  readonly store: DatabaseConcepts;
  readonly database: Database;
  readonly cache: string;
}

/** A server's part, with a disk of its own. */
async function replica(
  t: TestContext,
  url: string,
  { memory = 1e9, disk = 1e9, ...options }: LawOptions & { memory?: number; disk?: number } = {},
): Promise<Replica> {
  const closed: (() => Promise<void>)[] = [];
  // Before the folder goes, whose hook comes after this one.
  t.after(() => Promise.all(closed.map((close) => close())));
  const cache = await temporaryFolder(t);
  const database = await openDatabase(url, log, { connections: 4, pollMilliseconds: 300 });
  const bounds = { memory, disk, folder: cache };
  const store = await DatabaseConcepts.open({ database, shipped: [], cache: bounds, ...options });
  closed.push(() => store.close(), database.close);
  return { store, database, cache };
}

storeLaws(
  'database',
  async (t) => {
    const url = await postgres.createDatabase();
    return { open: async (options) => (await replica(t, url, options)).store };
  },
  noPostgres,
);

async function until(holds: () => boolean | Promise<boolean>, what: string, most = 1000): Promise<void> {
  for (const start = performance.now(); !(await holds()); await pause(5))
    assert.ok(performance.now() - start < most, `not within ${most} ms: ${what}`);
}

test('what one does the others know within a second', { skip: noPostgres }, async (t) => {
  const url = await postgres.createDatabase();
  const [one, other] = await Promise.all([replica(t, url), replica(t, url)]);
  await until(() => other.database.listening, 'listening');
  const concept = sampleConcept('ocean');
  await one.store.put(concept);
  await until(() => other.store.find('tiny', 'ocean')?.version === concept.version, 'a put');
  assert.deepEqual((await other.store.load('tiny', 'ocean'))?.concept, concept);
  await other.store.rename('tiny', 'ocean', 'sea');
  await until(() => one.store.names('tiny').join() === 'sea', 'a rename');
  await one.store.delete('tiny', 'sea');
  await until(() => other.store.list().length === 0, 'a delete');
  await other.store.restore('tiny', 'sea');
  await until(() => one.store.find('tiny', 'sea') !== undefined, 'a restore');
});

test('a sync changes nothing that another server changed a moment ago', { skip: noPostgres }, async (t) => {
  const url = await postgres.createDatabase();
  const [one, other] = await Promise.all([replica(t, url), replica(t, url)]);
  const directory = await ConceptStore.open({ dataDirectory: await temporaryFolder(t), shipped: [] });
  const stores = { directory, database: one.store };
  const [mine, theirs] = [1, 2].map((seed) => sampleConcept('ocean', { seed }));
  assert.ok(mine && theirs);
  await directory.put(mine);
  const [copy] = await planSync(stores);
  await other.store.put(theirs);
  assert.equal(copy?.what, 'copy');
  await assert.rejects(applySync(stores, copy), hasCode('concept_changed'));
  await directory.put(theirs);
  await directory.delete('tiny', 'ocean');
  await until(() => one.store.find('tiny', 'ocean') !== undefined, 'known');
  const [deletion] = await planSync(stores, { deletes: true });
  await other.store.put(mine);
  assert.equal(deletion?.what, 'delete');
  await assert.rejects(applySync(stores, deletion), hasCode('concept_changed'));
  assert.equal((await other.store.load('tiny', 'ocean'))?.concept.version, mine.version);
});

test('races: each change happens once, in one order for all', { skip: noPostgres }, async (t) => {
  const url = await postgres.createDatabase();
  const replicas = await Promise.all([replica(t, url), replica(t, url), replica(t, url)]);
  const stores = replicas.map(({ store }) => store);
  const concepts = Array.from({ length: 15 }, (_, seed) => sampleConcept('ocean', { seed }));
  await Promise.all(concepts.map((concept, i) => stores[i % 3]?.put(concept)));
  const versions = (await stores[0]?.versions('tiny', 'ocean')) ?? [];
  assert.deepEqual(
    versions.map(({ number }) => number),
    concepts.map((_, i) => concepts.length - i),
  );
  await until(
    () => stores.every((s) => s.find('tiny', 'ocean')?.version === versions[0]?.version),
    'one head',
  );
  const deletes = await Promise.allSettled(stores.map((store) => store.delete('tiny', 'ocean')));
  assert.equal(deletes.filter(({ status }) => status === 'fulfilled').length, 1, 'one of them deleted it');
  const restores = await Promise.allSettled(stores.map((store) => store.restore('tiny', 'ocean')));
  assert.equal(restores.filter(({ status }) => status === 'fulfilled').length, 1, 'and one brought it back');
  const quota = { concepts: 3, bytes: 1e9 };
  const bounded = await Promise.all([replica(t, url, { quota }), replica(t, url, { quota })]);
  const puts = await Promise.allSettled(
    Array.from({ length: 8 }, (_, i) => bounded[i % 2]?.store.put(sampleConcept(`c${i}`))),
  );
  assert.equal(puts.filter(({ status }) => status === 'fulfilled').length, 2, 'quotas are exact');
});

test('without the database known concepts go on and changes fail; back, nothing is missed', {
  skip: noPostgres,
}, async (t) => {
  const url = await postgres.createDatabase();
  const [one, other] = await Promise.all([replica(t, url), replica(t, url, { memory: 0 })]);
  const [ocean, night] = [sampleConcept('ocean'), sampleConcept('night')];
  await one.store.put(ocean);
  await one.store.put(night);
  await one.store.put(sampleConcept('night', { seed: 2 }));
  const pin = `night@${night.version}`;
  await until(async () => (await other.store.load('tiny', pin)) !== undefined, 'the pin');
  await until(async () => (await readdir(other.cache)).length === 3, 'all are on the disk');
  await postgres.kill();
  for (const { store } of [one, other]) {
    assert.deepEqual((await store.load('tiny', 'ocean'))?.concept, ocean);
    const away = (error: Error) => {
      assert.ok(hasCode('database_unavailable')(error), String(error));
      assert.match(error.message, /concept "ocean" needs the database/);
      return true;
    };
    await assert.rejects(store.put(sampleConcept('ocean', { seed: 3 })), away);
    await assert.rejects(store.delete('tiny', 'ocean'), away);
    assert.equal(store.find('tiny', 'ocean')?.version, ocean.version, 'nothing changed');
  }
  assert.deepEqual((await other.store.load('tiny', pin))?.concept, night);
  await assert.rejects(other.store.load('tiny', 'night@00000000'), hasCode('database_unavailable'));
  await postgres.start();
  const more = sampleConcept('more');
  await until(
    () =>
      one.store.put(more).then(
        () => true,
        () => false,
      ),
    'a put after the return',
    5000,
  );
  await until(() => other.store.find('tiny', 'more') !== undefined, 'the other knows it', 5000);
});

test('memory and disk stay within their bounds, and what is damaged on the disk is fetched again', {
  skip: noPostgres,
}, async (t) => {
  const url = await postgres.createDatabase();
  const one = await replica(t, url);
  const concepts = Array.from({ length: 12 }, (_, i) =>
    sampleConcept(`c${i}`, { layers: 8, hiddenSize: 256, seed: i }),
  );
  for (const concept of concepts) await one.store.put(concept);
  const bytes = concepts[0]?.vectors.byteLength ?? 0;
  const other = await replica(t, url, { memory: 3.5 * bytes, disk: 5 * bytes });
  for (let round = 0; round < 2; round++) {
    for (const concept of concepts) {
      assert.deepEqual((await other.store.load('tiny', concept.name))?.concept, concept);
      assert.ok(other.store.held <= 3.5 * bytes, 'memory');
    }
  }
  const files = async () => (await readdir(other.cache)).filter((name) => name.endsWith('.safetensors'));
  await until(async () => (await files()).length <= 5, 'the disk');
  for (const file of await files()) await writeFile(join(other.cache, file), 'damaged');
  const again = await replica(t, url, { memory: 0 });
  await Promise.all((await files()).map((file) => writeFile(join(again.cache, file), 'damaged')));
  for (const concept of concepts)
    assert.deepEqual((await again.store.load('tiny', concept.name))?.concept, concept);
});

test('a database from a backup, older than what a server saw, is believed', {
  skip: noPostgres,
}, async (t) => {
  const url = await postgres.createDatabase();
  const { store, database } = await replica(t, url);
  for (const name of ['a', 'b', 'c']) await store.put(sampleConcept(name));
  await database.query("UPDATE steerd.concepts SET version = NULL WHERE name <> 'a'");
  await database.query('UPDATE steerd.concept_state SET revision = 1');
  await until(() => store.names('tiny').join() === 'a', 'the older state', 3000);
});
