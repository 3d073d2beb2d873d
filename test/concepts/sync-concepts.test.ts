/** Two stores brought to the same, by what each knows of the other's versions. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { ConceptStore } from '../../src/concepts/concept-store.js';
import { applySync, planSync, type SyncOptions } from '../../src/concepts/sync-concepts.js';
import { sampleConcept, temporaryFolder } from './sample.js';

const open = async (t: TestContext) =>
  ConceptStore.open({ dataDirectory: await temporaryFolder(t), shipped: [] });

/** Both sides are folders here: what syncs does not ask what they are. */
async function sides(t: TestContext) {
  const stores = { directory: await open(t), database: await open(t) };
  const plan = async (options: SyncOptions = {}) =>
    (await planSync(stores, options)).map(({ name, what, to, copies }) => [name, what, to, copies.length]);
  const sync = async (options: SyncOptions = {}) => {
    for (const step of await planSync(stores, options)) await applySync(stores, step);
  };
  const heads = (name: string) => [
    stores.directory.find('tiny', name)?.version,
    stores.database.find('tiny', name)?.version,
  ];
  return { ...stores, plan, sync, heads };
}

const sea = (seed: number) => sampleConcept('sea', { seed });

test('what one side lacks or has older is copied with the versions between, and then all is the same', async (t) => {
  const { directory, database, plan, sync, heads } = await sides(t);
  for (const seed of [1, 2]) await directory.put(sea(seed));
  await database.put(sampleConcept('night'));
  assert.deepEqual(await plan({ to: 'database' }), [
    ['sea', 'copy', 'database', 2],
    ['night', 'behind', 'directory', 0],
  ]);
  await sync();
  assert.deepEqual(await plan(), [
    ['night', 'same', null, 0],
    ['sea', 'same', null, 0],
  ]);
  for (const seed of [3, 4, 5]) await database.put(sea(seed));
  assert.deepEqual((await plan())[1], ['sea', 'copy', 'directory', 3]);
  await sync();
  assert.deepEqual(heads('sea'), [sea(5).version, sea(5).version]);
  assert.deepEqual(
    (await directory.versions('tiny', 'sea')).map(({ version }) => version),
    (await database.versions('tiny', 'sea')).map(({ version }) => version),
  );
});

test('where neither has the version of the other nothing is done, unless one side is said to be right', async (t) => {
  for (const to of ['database', 'directory'] as const) {
    const { directory, database, plan, sync, heads } = await sides(t);
    await directory.put(sea(1));
    await sync();
    await directory.put(sea(2));
    await database.put(sea(3));
    assert.deepEqual(await plan(), [['sea', 'conflict', null, 0]]);
    await sync();
    assert.deepEqual(heads('sea'), [sea(2).version, sea(3).version]);
    assert.deepEqual(await plan({ to }), [['sea', 'conflict', null, 0]]);
    await sync({ to, force: true });
    const right = sea(to === 'database' ? 2 : 3).version;
    assert.deepEqual(heads('sea'), [right, right]);
    const overruled = to === 'database' ? database : directory;
    assert.equal(
      (await overruled.versions('tiny', 'sea')).length,
      3,
      'what was overruled is kept as a version',
    );
  }
});

test('going back to an earlier version is a change like another, whichever side made it', async (t) => {
  for (const side of ['directory', 'database'] as const) {
    const stores = await sides(t);
    for (const seed of [1, 2]) await stores.directory.put(sea(seed));
    await stores.sync();
    await stores[side].put(sea(1));
    const to = side === 'directory' ? 'database' : 'directory';
    assert.deepEqual(await stores.plan(), [['sea', 'copy', to, 1]]);
    await stores.sync();
    assert.deepEqual(stores.heads('sea'), [sea(1).version, sea(1).version]);
    await stores[to].put(sea(2));
    await stores.sync();
    assert.deepEqual(stores.heads('sea'), [sea(2).version, sea(2).version]);
    assert.deepEqual(await stores.plan(), [['sea', 'same', null, 0]]);
  }
});

test('what was deleted on one side does not come back by itself', async (t) => {
  const { directory, database, plan, sync, heads } = await sides(t);
  await directory.put(sea(1));
  await sync();
  await database.delete('tiny', 'sea');
  assert.deepEqual(await plan(), [['sea', 'deleted', 'database', 0]]);
  await sync();
  assert.deepEqual(heads('sea'), [sea(1).version, undefined]);
  await directory.put(sea(2));
  assert.deepEqual(await plan(), [['sea', 'copy', 'database', 2]], 'a newer one than was deleted is new');
  await database.restore('tiny', 'sea');
  await database.delete('tiny', 'sea');
  await sync({ to: 'database', force: true });
  assert.deepEqual(heads('sea'), [sea(2).version, sea(2).version]);
});
