import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, rename, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { encodeConcept } from '../../src/concepts/concept-file.js';
import { ConceptStore } from '../../src/concepts/concept-store.js';
import { SteerdError } from '../../src/errors.js';
import { sampleConcept, temporaryFolder } from './sample.js';

const open = (dataDirectory: string, shipped: string[] = []) => ConceptStore.open({ dataDirectory, shipped });

const hasCode = (code: string) => (error: unknown) => error instanceof SteerdError && error.code === code;

async function ship(folder: string, ...names: string[]): Promise<string> {
  const shipped = join(folder, 'shipped');
  await mkdir(shipped, { recursive: true });
  for (const name of names)
    await writeFile(join(shipped, `${name}.safetensors`), encodeConcept(sampleConcept(name)));
  return shipped;
}

async function dataFiles(folder: string): Promise<string[]> {
  return (await readdir(join(folder, 'concepts'))).map((name) => join(folder, 'concepts', name));
}

test('what is put is there at once and after a restart', async (t) => {
  const folder = await temporaryFolder(t);
  const store = await open(join(folder, 'made', 'on the way'));
  const stored = await store.put(sampleConcept('ocean'));
  assert.equal(store.get('tiny', 'ocean'), stored);
  assert.equal(stored.source, 'data');
  assert.equal(store.get('tiny', 'Ocean'), undefined);
  assert.equal(store.get('other', 'ocean'), undefined);
  const again = await open(join(folder, 'made', 'on the way'));
  assert.deepEqual(again.get('tiny', 'ocean'), stored);
  assert.deepEqual(again.refused, []);
});

test('a put replaces the concept of the same model and name alone', async (t) => {
  const folder = await temporaryFolder(t);
  const store = await open(folder);
  const other = await store.put(sampleConcept('ocean', { model: 'other' }));
  await store.put(sampleConcept('ocean', { seed: 1 }));
  const second = await store.put(sampleConcept('ocean', { seed: 2 }));
  for (const each of [store, await open(folder)]) {
    assert.deepEqual(each.get('tiny', 'ocean'), second);
    assert.deepEqual(each.get('other', 'ocean'), other);
    assert.equal(each.list().length, 2);
  }
});

test('lists are sorted and by model', async (t) => {
  const store = await open(await temporaryFolder(t));
  for (const name of ['space', 'émotion', 'ocean', 'Zeal']) await store.put(sampleConcept(name));
  await store.put(sampleConcept('night', { model: 'other' }));
  assert.deepEqual(store.names('tiny'), ['Zeal', 'ocean', 'space', 'émotion']);
  assert.deepEqual(store.names('other'), ['night']);
  assert.deepEqual(store.names('none'), []);
  assert.deepEqual(
    store.list().map(({ concept }) => concept.name),
    ['Zeal', 'night', 'ocean', 'space', 'émotion'],
  );
});

test('models that have a concept are named, and a folder that comes later ships to its own', async (t) => {
  const folder = await temporaryFolder(t);
  const store = await open(folder);
  assert.deepEqual(store.modelsWith('ocean'), []);
  for (const model of ['b', 'a']) await store.put(sampleConcept('ocean', { model }));
  await store.put(sampleConcept('night', { model: 'c' }));
  const shipped = await ship(folder, 'ocean');
  for (let i = 0; i < 2; i++) assert.deepEqual(await store.addShipped(shipped), []);
  assert.deepEqual(store.modelsWith('ocean'), ['a', 'b', 'tiny']);
  assert.equal(store.get('tiny', 'ocean')?.source, 'shipped');
  await store.delete('a', 'ocean');
  assert.deepEqual(store.modelsWith('ocean'), ['b', 'tiny']);
  await assert.rejects(store.delete('c', 'ocean'), /for model c, but for b, tiny/);
});

test('of puts at the same time the last wins, whole', async (t) => {
  const folder = await temporaryFolder(t);
  const store = await open(folder);
  const concepts = Array.from({ length: 20 }, (_, seed) => sampleConcept('ocean', { seed, hiddenSize: 64 }));
  await Promise.all(concepts.map((concept) => store.put(concept)));
  assert.equal(store.get('tiny', 'ocean')?.concept.version, concepts.at(-1)?.version);
  const again = await open(folder);
  assert.equal(again.get('tiny', 'ocean')?.concept.version, concepts.at(-1)?.version);
  assert.deepEqual(again.refused, []);
  assert.equal((await dataFiles(folder)).length, 1);
});

test('a delete between puts happens in its turn', async (t) => {
  const folder = await temporaryFolder(t);
  const store = await open(folder);
  const steps = [
    store.put(sampleConcept('ocean', { seed: 1 })),
    store.delete('tiny', 'ocean'),
    store.put(sampleConcept('ocean', { seed: 2 })),
  ];
  const [first, deleted, last] = await Promise.all(steps);
  assert.equal(deleted, first);
  assert.deepEqual((await open(folder)).get('tiny', 'ocean'), last);
});

test('deleting', async (t) => {
  const folder = await temporaryFolder(t);
  const shipped = await ship(folder, 'pirate');
  const store = await open(folder, [shipped]);
  await assert.rejects(store.delete('tiny', 'ocean'), hasCode('concept_not_found'));
  await assert.rejects(store.delete('tiny', 'pirate'), hasCode('concept_read_only'));
  const ocean = await store.put(sampleConcept('ocean'));
  assert.equal(await store.delete('tiny', 'ocean'), ocean);
  assert.equal(store.get('tiny', 'ocean'), undefined);
  await assert.rejects(store.delete('tiny', 'ocean'), hasCode('concept_not_found'));
  assert.deepEqual((await open(folder, [shipped])).names('tiny'), ['pirate']);
});

test('a concept of the user hides the shipped one until it is deleted', async (t) => {
  const folder = await temporaryFolder(t);
  const shipped = await ship(folder, 'pirate');
  const store = await open(folder, [shipped]);
  const original = store.get('tiny', 'pirate');
  assert.equal(original?.source, 'shipped');
  const mine = await store.put(sampleConcept('pirate', { seed: 7 }));
  for (const each of [store, await open(folder, [shipped])]) {
    assert.deepEqual(each.get('tiny', 'pirate'), mine);
    assert.equal(each.list().length, 1);
  }
  assert.equal(await store.delete('tiny', 'pirate'), mine);
  assert.equal(store.get('tiny', 'pirate'), original);
  await assert.rejects(store.delete('tiny', 'pirate'), hasCode('concept_read_only'));
  assert.deepEqual(
    await readFile(join(shipped, 'pirate.safetensors')),
    Buffer.from(encodeConcept(sampleConcept('pirate'))),
  );
});

test('a file that is truncated, tampered with or something else is refused by name and the rest load', async (t) => {
  const folder = await temporaryFolder(t);
  const store = await open(folder);
  const byName = new Map<string, string>();
  for (const name of ['cut', 'changed', 'moved', 'sound']) {
    const before = new Set(byName.values());
    await store.put(sampleConcept(name));
    byName.set(name, (await dataFiles(folder)).find((file) => !before.has(file)) ?? '');
  }
  const [cut = '', changed = '', moved = ''] = byName.values();
  await truncate(cut, 600 + (await readFile(cut)).length - 640);
  const bytes = await readFile(changed);
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  await writeFile(changed, bytes);
  const elsewhere = join(folder, 'concepts', 'my concept.safetensors');
  await rename(moved, elsewhere);
  const noise = join(folder, 'concepts', `${'0'.repeat(32)}.safetensors`);
  await writeFile(noise, 'no concept at all');
  const directory = join(folder, 'concepts', 'folder.safetensors');
  await mkdir(directory);
  await writeFile(join(folder, 'concepts', 'notes.txt'), 'ignored');

  const again = await open(folder);
  assert.deepEqual(again.names('tiny'), ['sound']);
  const refused = new Map(again.refused.map((file) => [file.file, file]));
  assert.deepEqual([...refused.keys()].sort(), [cut, changed, elsewhere, noise, directory].sort());
  assert.equal(refused.get(cut)?.name, 'cut');
  assert.match(refused.get(cut)?.reason ?? '', /truncated/);
  assert.equal(refused.get(changed)?.name, 'changed');
  assert.match(refused.get(changed)?.reason ?? '', /tampered/);
  assert.equal(refused.get(elsewhere)?.name, 'moved');
  assert.match(refused.get(elsewhere)?.reason ?? '', /name must be/);
  assert.equal(refused.get(noise)?.name, null);
  assert.match(refused.get(directory)?.reason ?? '', /not a regular file/);
  assert.equal((await dataFiles(folder)).length, 7, 'refused files stay where they are');

  await again.put(sampleConcept('cut', { seed: 2 }));
  assert.ok(!again.refused.some(({ file }) => file === cut), 'a put over a refused file mends it');
  assert.deepEqual((await open(folder)).names('tiny'), ['cut', 'sound']);
});

test('shipped files that are bad or double are refused, and a folder that is missing ships nothing', async (t) => {
  const folder = await temporaryFolder(t);
  const shipped = await ship(folder, 'pirate', 'space', 'ocean');
  await truncate(join(shipped, 'ocean.safetensors'), 100);
  await writeFile(join(shipped, 'zz.safetensors'), encodeConcept(sampleConcept('pirate', { seed: 2 })));
  const store = await open(folder, [shipped, join(folder, 'missing')]);
  assert.deepEqual(store.names('tiny'), ['pirate', 'space']);
  assert.equal(store.get('tiny', 'pirate')?.concept.version, sampleConcept('pirate').version);
  assert.deepEqual(
    store.refused.map(({ file }) => file),
    [join(shipped, 'ocean.safetensors'), join(shipped, 'zz.safetensors')],
  );
});

test('leftovers of a crash are removed at open, other files are not', async (t) => {
  const folder = await temporaryFolder(t);
  await (await open(folder)).put(sampleConcept('ocean'));
  const [file = ''] = await dataFiles(folder);
  await writeFile(`${file}.0123456789ab.tmp`, (await readFile(file)).subarray(0, 50));
  await writeFile(join(folder, 'concepts', 'notes.txt'), '');
  const again = await open(folder);
  assert.deepEqual(again.refused, []);
  assert.deepEqual((await dataFiles(folder)).sort(), [file, join(folder, 'concepts', 'notes.txt')].sort());
});

test('no name reaches outside the folder', async (t) => {
  const folder = await temporaryFolder(t);
  const store = await open(folder);
  for (const model of ['../../up', '/etc/passwd', 'a'.repeat(256)])
    await store.put(sampleConcept('x', { model }));
  assert.deepEqual(await readdir(folder), ['concepts']);
  for (const name of await readdir(join(folder, 'concepts')))
    assert.match(name, /^[0-9a-f]{32}\.safetensors$/);
  assert.equal((await open(folder)).list().length, 3);
});

test('the date is that of the file', async (t) => {
  const folder = await temporaryFolder(t);
  const store = await open(folder);
  const stored = await store.put(sampleConcept('ocean'));
  assert.ok(Math.abs(stored.createdAt - Date.now() / 1000) < 60);
  const [file = ''] = await dataFiles(folder);
  await utimes(file, 1_700_000_000, 1_700_000_000);
  assert.equal((await open(folder)).get('tiny', 'ocean')?.createdAt, 1_700_000_000);
});

test('a folder that cannot be written: an error, and the old concept stays', async (t) => {
  const folder = await temporaryFolder(t);
  const store = await open(folder);
  const ocean = await store.put(sampleConcept('ocean'));
  await rm(join(folder, 'concepts'), { recursive: true });
  await writeFile(join(folder, 'concepts'), 'a file where the folder was');
  await assert.rejects(store.put(sampleConcept('ocean', { seed: 2 })), hasCode('storage_failed'));
  await assert.rejects(store.delete('tiny', 'ocean'), hasCode('storage_failed'));
  assert.equal(store.get('tiny', 'ocean'), ocean);
  await assert.rejects(open(folder), hasCode('storage_failed'));
});

test('a concept whose version is wrong is not stored', async (t) => {
  const store = await open(await temporaryFolder(t));
  await assert.rejects(store.put({ ...sampleConcept('ocean'), version: '0'.repeat(64) }));
  assert.deepEqual(store.list(), []);
});

test('many files load', async (t) => {
  const folder = await temporaryFolder(t);
  const shipped = join(folder, 'shipped');
  await mkdir(shipped);
  for (let i = 0; i < 2000; i++) {
    await writeFile(join(shipped, `${i}.safetensors`), encodeConcept(sampleConcept(`c${i}`)));
  }
  const store = await open(folder, [shipped]);
  assert.equal(store.list('tiny').length, 2000);
  assert.deepEqual(store.refused, []);
});

test('a deleted concept comes back as it was, whose it was, and only where nothing has its name', async (t) => {
  const folder = await temporaryFolder(t);
  const store = await open(folder);
  const { concept } = await store.put(sampleConcept('ocean'), undefined, { key: 'key-1', most: 1 });
  await assert.rejects(store.restore('tiny', 'ocean'), hasCode('concept_exists'));
  await store.delete('tiny', 'ocean');
  await store.put(sampleConcept('ocean', { seed: 9 }));
  await assert.rejects(store.restore('tiny', 'ocean'), hasCode('concept_exists'));
  // What is deleted later hides what was deleted before.
  await store.delete('tiny', 'ocean');
  assert.equal((await store.restore('tiny', 'ocean')).concept.record.seed, 9);
  await store.delete('tiny', 'ocean');
  await store.put(concept, undefined, { key: 'key-1', most: 1 });
  await store.delete('tiny', 'ocean');
  assert.equal((await store.restore('tiny', 'ocean')).concept.version, concept.version);
  await assert.rejects(store.restore('tiny', 'night'), hasCode('concept_not_kept'));
  const again = await open(folder);
  assert.equal(again.get('tiny', 'ocean')?.concept.version, concept.version);
  const more = again.put(sampleConcept('night'), undefined, { key: 'key-1', most: 1 });
  await assert.rejects(more, hasCode('concept_quota_exceeded'), 'the key made one already');
  await assert.rejects(again.restore('tiny', 'ocean'), hasCode('concept_exists'));
});

test('a concept gets another name, and nothing is replaced or lost by it', async (t) => {
  const folder = await temporaryFolder(t);
  const store = await open(folder, [await ship(folder, 'pirate')]);
  const quota = { key: 'key-1', most: 1 };
  const { concept } = await store.put(sampleConcept('ocean'), undefined, quota);
  await store.put(sampleConcept('night'));
  for (const [from, to, code] of [
    ['ocean', 'night', 'concept_exists'],
    ['ocean', 'ocean', 'concept_exists'],
    ['ocean', 'pirate', 'concept_exists'],
    ['pirate', 'corsair', 'concept_read_only'],
    ['none', 'some', 'concept_not_found'],
    ['ocean', '../sea', 'invalid_value'],
  ] as const) {
    await assert.rejects(store.rename('tiny', from, to), hasCode(code), `${from} to ${to}`);
  }
  assert.deepEqual(store.names('tiny'), ['night', 'ocean', 'pirate']);
  const { concept: renamed } = await store.rename('tiny', 'ocean', 'sea');
  assert.notEqual(renamed.version, concept.version);
  const back = { ...renamed, name: 'ocean', version: concept.version };
  assert.deepEqual(back, concept, 'all but name and version is as it was');
  // Two that cross: one of them finds the name taken, and none waits for ever.
  const crossed = await Promise.allSettled([
    store.rename('tiny', 'sea', 'night'),
    store.rename('tiny', 'night', 'sea'),
  ]);
  assert.deepEqual(
    crossed.map(({ status }) => status),
    ['rejected', 'rejected'],
  );
  const again = await open(folder);
  assert.deepEqual(again.names('tiny'), ['night', 'sea']);
  assert.deepEqual(again.refused, []);
  const more = again.put(sampleConcept('more'), undefined, quota);
  await assert.rejects(more, hasCode('concept_quota_exceeded'), 'it is still of the key that made it');
});

test('a change that fails halfway has changed nothing, here and at the next start', async (t) => {
  const folder = await temporaryFolder(t);
  const store = await open(folder);
  const kept = await store.put(sampleConcept('kept'));
  const [file = ''] = await dataFiles(folder);
  const inTheWay = async (path: string, change: () => Promise<unknown>) => {
    await mkdir(path);
    await assert.rejects(change(), hasCode('storage_failed'));
    await rm(path, { recursive: true });
  };
  // Whose the concept is cannot be written down.
  const maker = { key: 'key-1', most: 9 };
  await inTheWay(join(folder, 'concepts', 'owners.json'), () =>
    store.put(sampleConcept('other'), undefined, maker),
  );
  // The old file cannot be deleted.
  await rename(file, `${file}.aside`);
  await inTheWay(file, () => store.rename('tiny', 'kept', 'renamed'));
  await rename(`${file}.aside`, file);
  for (const each of [store, await open(folder)]) assert.deepEqual(each.list(), [kept]);
  await store.put(sampleConcept('other'), undefined, maker);
  await store.rename('tiny', 'kept', 'renamed');
  for (const each of [store, await open(folder)]) {
    assert.deepEqual(each.names('tiny'), ['other', 'renamed']);
    assert.throws(
      () => each.checkRoom('tiny', 'one more', { ...maker, most: 1 }),
      hasCode('concept_quota_exceeded'),
    );
  }
});
