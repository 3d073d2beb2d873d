/** What only a folder of files can be asked: its laws as a store are those of store-laws.ts. */
import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, rename, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { encodeConcept } from '../../src/concepts/concept-file.js';
import { ConceptStore } from '../../src/concepts/concept-store.js';
import { entryOf } from '../../src/concepts/stored-concept.js';
import { sampleConcept, temporaryFolder } from './sample.js';
import { hasCode, ship, storeLaws } from './store-laws.js';

const open = (dataDirectory: string, shipped: readonly string[] = []) =>
  ConceptStore.open({ dataDirectory, shipped });

storeLaws('folder', async (t) => {
  const dataDirectory = join(await temporaryFolder(t), 'made', 'on the way');
  return { open: (options) => ConceptStore.open({ dataDirectory, shipped: [], ...options }) };
});

async function dataFiles(folder: string): Promise<string[]> {
  return (await readdir(join(folder, 'concepts'))).map((name) => join(folder, 'concepts', name));
}

test('a delete between puts happens in its turn', async (t) => {
  const folder = await temporaryFolder(t);
  const store = await open(folder);
  const [first, deleted, last] = await Promise.all([
    store.put(sampleConcept('ocean', { seed: 1 })),
    store.delete('tiny', 'ocean'),
    store.put(sampleConcept('ocean', { seed: 2 })),
  ]);
  assert.equal(deleted.version, first.concept.version);
  assert.deepEqual(await (await open(folder)).load('tiny', 'ocean'), last);
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
  assert.equal(store.find('tiny', 'pirate')?.version, sampleConcept('pirate').version);
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
  assert.equal((await open(folder)).find('tiny', 'ocean')?.createdAt, 1_700_000_000);
});

test('a folder that cannot be written: an error, and the old concept stays', async (t) => {
  const folder = await temporaryFolder(t);
  const store = await open(folder);
  const ocean = await store.put(sampleConcept('ocean'));
  await rm(join(folder, 'concepts'), { recursive: true });
  await writeFile(join(folder, 'concepts'), 'a file where the folder was');
  await assert.rejects(store.put(sampleConcept('ocean', { seed: 2 })), hasCode('storage_failed'));
  await assert.rejects(store.delete('tiny', 'ocean'), hasCode('storage_failed'));
  assert.equal(await store.load('tiny', 'ocean'), ocean);
  await assert.rejects(open(folder), hasCode('storage_failed'));
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

test('a folder from before there were versions is read, and a version that is damaged is told', async (t) => {
  const folder = await temporaryFolder(t);
  const store = await open(folder);
  const first = sampleConcept('ocean', { seed: 1 });
  await store.put(first);
  assert.deepEqual(await readdir(folder), ['concepts'], 'nothing more than there was');
  await store.put(sampleConcept('ocean', { seed: 2 }));
  const [file = ''] = await readdir(join(folder, 'concept-versions'));
  await truncate(join(folder, 'concept-versions', file), 700);
  const again = await open(folder);
  await assert.rejects(again.load('tiny', `ocean@${first.version}`), hasCode('storage_failed'));
  assert.equal((await again.load('tiny', 'ocean'))?.concept.record.seed, 2);
  await rm(join(folder, 'concept-versions'), { recursive: true });
  assert.equal((await (await open(folder)).versions('tiny', 'ocean')).length, 1);
});

test('earlier versions take no more bytes than concepts may: the oldest go, the last of a deleted name last', async (t) => {
  const dataDirectory = await temporaryFolder(t);
  const { length } = encodeConcept(sampleConcept('ocean'));
  const store = await ConceptStore.open({
    dataDirectory,
    shipped: [],
    quota: { concepts: 10, bytes: 3 * length + 100 },
  });
  for (let seed = 1; seed <= 6; seed++) await store.put(sampleConcept('ocean', { seed }));
  await store.put(sampleConcept('night'));
  await store.delete('tiny', 'night');
  assert.equal((await readdir(join(dataDirectory, 'concept-versions'))).length, 3);
  assert.deepEqual(
    (await store.versions('tiny', 'ocean')).map(({ number }) => number),
    [6, 5, 4],
  );
  assert.equal((await store.restore('tiny', 'night')).concept.name, 'night');
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
  for (const each of [store, await open(folder)]) assert.deepEqual(each.list(), [entryOf(kept)]);
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
