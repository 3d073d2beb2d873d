import assert from 'node:assert/strict';
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { test } from 'node:test';
import { Catalog } from '../../../src/models/disk/catalog.js';
import { folderOfModel, modelPlaces, ownPlace } from '../../../src/models/disk/model-places.js';
import { temporaryFolder } from '../../concepts/sample.js';

test('models are visible folders with a graph; what comes is told once, what goes is forgotten', async (t) => {
  const root = await temporaryFolder(t);
  const add = async (name: string) => {
    await mkdir(join(root, name));
    await writeFile(join(root, name, 'model.onnx'), '');
  };
  for (const name of ['b', '.pull', 'a']) await add(name);
  await mkdir(join(root, 'without a graph'));
  await writeFile(join(root, 'file'), '');
  await symlink(join(root, 'a'), join(root, 'link'));
  const found: string[] = [];
  const catalog = new Catalog([root], async ({ id }) => {
    found.push(id);
  });
  const ids = () => catalog.entries.map(({ id }) => id);
  await Promise.all([catalog.refresh(), catalog.refresh()]);
  assert.deepEqual(ids(), ['a', 'b', 'link']);
  await add('c');
  await rm(join(root, 'b'), { recursive: true });
  await catalog.refresh();
  assert.deepEqual(
    [ids(), found],
    [
      ['a', 'c', 'link'],
      ['a', 'b', 'link', 'c'],
    ],
  );
  // One that comes while somebody else is looking is found by whoever asks then.
  const before = catalog.refresh();
  await add('d');
  await Promise.all([before, catalog.refresh()]);
  assert.ok(ids().includes('d'));
  const missing = new Catalog([join(root, 'nowhere')]);
  await missing.refresh();
  assert.deepEqual(missing.entries, []);
});

test('of two directories the first has a name first, and the embedded model is always among them', async (t) => {
  const [first, second] = [await temporaryFolder(t), await temporaryFolder(t)];
  for (const folder of [join(first, 'both'), join(second, 'both'), join(second, 'one')]) {
    await mkdir(folder);
    await writeFile(join(folder, 'model.onnx'), '');
  }
  const setting = [first, second].join(delimiter);
  const places = modelPlaces(setting);
  const catalog = new Catalog(places);
  await catalog.refresh();
  assert.deepEqual(
    catalog.entries.map(({ id }) => id),
    ['both', 'one', 'smollm2-135m-instruct'],
  );
  assert.equal(catalog.get('both')?.directory, join(first, 'both'));
  assert.equal(await folderOfModel(setting, 'one'), join(second, 'one'));
  assert.equal(await folderOfModel(setting, 'none'), join(first, 'none'));
  assert.equal(ownPlace(setting), first);
  const embedded = places.at(-1) ?? '';
  assert.deepEqual(modelPlaces(embedded), [embedded]);
});
