/** Folders of a Hugging Face cache: links to blobs that lie elsewhere. */
import assert from 'node:assert/strict';
import { copyFile, mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { identifyExport, servingGraft } from '../../../src/engine/load/grafts.js';
import { placeOfWeights } from '../../../src/engine/load/linked-weights.js';
import { loadGraphs } from '../../../src/engine/load/loaded-graphs.js';
import { externalDataFiles, parseModel } from '../../../src/onnx/graph/model-file.js';
import { changedModel } from '../../helpers/changed-model.js';
import { tinyModel } from '../../helpers/tiny-models.js';

const { directory } = tinyModel('llama-genai');
const plain = { on: undefined, arithmetic: 'export', windows: null, columns: null } as const;

async function cached(t: TestContext): Promise<string> {
  const repository = await mkdtemp(join(tmpdir(), 'cache-'));
  t.after(() => rm(repository, { recursive: true }));
  const snapshot = join(repository, 'snapshots', '0123abc');
  await mkdir(snapshot, { recursive: true });
  await mkdir(join(repository, 'blobs'));
  for (const [i, file] of (await readdir(directory)).entries()) {
    await copyFile(join(directory, file), join(repository, 'blobs', `b${i}`));
    await symlink(`../../blobs/b${i}`, join(snapshot, file));
  }
  return snapshot;
}

test('an export whose files are links to blobs is loaded, and is the same model', async (t) => {
  const linked = await loadGraphs(await cached(t), 1);
  const own = await loadGraphs(directory, 1);
  try {
    assert.equal(linked.fingerprint, own.fingerprint);
    await linked.capture();
  } finally {
    await Promise.all([linked.release(), own.release()]);
  }
});

test('ONNX Runtime is told of a folder that holds both, and of places in it', async (t) => {
  const snapshot = await cached(t);
  const { files, weightsDirectory } = await identifyExport(snapshot);
  const { graft } = await servingGraft(snapshot, plain);
  const places = externalDataFiles(parseModel(graft, 'graft'));
  assert.ok(snapshot.startsWith(weightsDirectory) && weightsDirectory !== snapshot);
  assert.deepEqual(files, ['model.onnx.data']);
  assert.equal(places.length, 1);
  assert.match(places[0] ?? '', /^blobs\/b\d$/);
});

test('without links nothing changes', async () => {
  const { weightsDirectory } = await identifyExport(directory);
  assert.equal(weightsDirectory, directory);
  assert.deepEqual(await placeOfWeights(directory, ['model.onnx.data']), { directory, locations: new Map() });
});

test('a location that leads out of the folder by itself is refused as before', async (t) => {
  const outside = await mkdtemp(join(tmpdir(), 'outside-'));
  t.after(() => rm(outside, { recursive: true }));
  await copyFile(join(directory, 'model.onnx.data'), join(outside, 'model.onnx.data'));
  const location = `../${basename(outside)}/model.onnx.data`;
  const folder = await changedModel(t, directory, ({ proto }) => {
    for (const { externalData } of proto.initializer) {
      const entry = externalData.find(({ key }) => key === 'location');
      if (entry) entry.value = location;
    }
  });
  assert.deepEqual((await placeOfWeights(folder, [location])).locations, new Map());
  await assert.rejects(loadGraphs(folder, 1), /escape|outside/i);
});
