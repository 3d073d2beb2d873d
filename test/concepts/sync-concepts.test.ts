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

test('what was deleted on one side does not come back by itself, and is deleted on the other where that is asked for', async (t) => {
  for (const gone of ['directory', 'database'] as const) {
    const stores = await sides(t);
    const { plan, sync, heads } = stores;
    const kept = gone === 'directory' ? 'database' : 'directory';
    await stores[kept].put(sea(1));
    await sync();
    await stores[gone].delete('tiny', 'sea');
    assert.deepEqual(await plan(), [['sea', 'deleted', gone, 0]]);
    await sync();
    await sync({ to: gone, deletes: true });
    await sync({ to: kept, force: true });
    assert.equal(stores[kept].find('tiny', 'sea')?.version, sea(1).version, 'only what was asked for');
    assert.equal(stores[gone].find('tiny', 'sea'), undefined);
    assert.deepEqual(await plan({ deletes: true }), [['sea', 'delete', kept, 0]]);
    await sync({ deletes: true });
    assert.deepEqual(heads('sea'), [undefined, undefined]);
    assert.deepEqual(await plan(), []);
    await stores[kept].restore('tiny', 'sea');
    await sync({ to: gone, force: true });
    assert.deepEqual(heads('sea'), [sea(1).version, sea(1).version]);
  }
});

test('a delete carries over to an earlier version too', async (t) => {
  const { directory, database, plan, sync, heads } = await sides(t);
  await directory.put(sea(1));
  await sync();
  await database.put(sea(2));
  await database.delete('tiny', 'sea');
  assert.deepEqual(await plan({ deletes: true }), [['sea', 'delete', 'directory', 0]]);
  await sync({ deletes: true });
  assert.deepEqual(heads('sea'), [undefined, undefined]);
});

test('what one side deleted and the other changed is a conflict, which is decided either way', async (t) => {
  for (const wins of ['change', 'delete'] as const) {
    const { directory, database, plan, sync, heads } = await sides(t);
    await directory.put(sea(1));
    await sync();
    await database.delete('tiny', 'sea');
    await directory.put(sea(2));
    for (const options of [{}, { deletes: true }, { to: 'directory', force: true }] as const)
      assert.deepEqual(await plan(options), [['sea', 'conflict', null, 0]]);
    await sync({ deletes: true });
    assert.deepEqual(heads('sea'), [sea(2).version, undefined]);
    if (wins === 'change') await sync({ to: 'database', force: true });
    else await sync({ to: 'directory', force: true, deletes: true });
    const right = wins === 'change' ? sea(2).version : undefined;
    assert.deepEqual(heads('sea'), [right, right]);
  }
});

test('another of the same name, of which the side that deleted its own knows nothing, is new there', async (t) => {
  const { directory, database, plan } = await sides(t);
  await directory.put(sea(1));
  await directory.delete('tiny', 'sea');
  await database.put(sea(7));
  assert.deepEqual(await plan({ deletes: true }), [['sea', 'copy', 'directory', 1]]);
});

test('what changed after the plan was made is not written over, nor deleted', async (t) => {
  const { directory, database, heads } = await sides(t);
  const stores = { directory, database };
  await directory.put(sea(1));
  for (const step of await planSync(stores)) await applySync(stores, step);
  await directory.put(sea(2));
  const [copy] = await planSync(stores);
  await database.put(sea(3));
  assert.ok(copy);
  await assert.rejects(applySync(stores, copy), { code: 'concept_changed' });
  assert.deepEqual(heads('sea'), [sea(2).version, sea(3).version]);

  await database.put(sea(2));
  await directory.delete('tiny', 'sea');
  const [deletion] = await planSync(stores, { deletes: true });
  await database.put(sea(4));
  assert.equal(deletion?.what, 'delete');
  await assert.rejects(applySync(stores, deletion), { code: 'concept_changed' });
  assert.equal(heads('sea')[1], sea(4).version);

  await directory.put(sampleConcept('night', { seed: 1 }));
  const added = (await planSync(stores)).find(({ name }) => name === 'night');
  await database.put(sampleConcept('night', { seed: 2 }));
  assert.deepEqual([added?.what, added?.to], ['copy', 'database']);
  await assert.rejects(applySync(stores, added ?? copy), { code: 'concept_changed' });
  assert.equal(heads('night')[1], sampleConcept('night', { seed: 2 }).version);
});
