/** What a pull makes, what it refuses to touch, and what verification finds. */
import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { verifyModel } from '../../../src/models/disk/manifest.js';
import { listModels } from '../../../src/models/disk/model-folders.js';
import { loadModel } from '../../../src/models/serve/load.js';
import { hubModel } from '../../helpers/hub-model.js';
import { type Fault, sha256 } from '../../helpers/stub-hub.js';
import { code, nothingLoads, pullSetup, weights } from './pull-helpers.js';

test('a pulled model has the files of the hub, their checksums, and loads', async (t) => {
  const files = await hubModel();
  const { pull, modelsDirectory, stub } = await pullSetup(t, { files });
  const steps: [number, number][] = [];
  const { folder, manifest, fresh } = await pull(
    {},
    { onProgress: ({ done, total }) => steps.push([done, total]) },
  );
  assert.equal(fresh, true);
  const { '.gitattributes': _, ...wanted } = files;
  assert.deepEqual((await readdir(folder)).sort(), [...Object.keys(wanted), 'steerd-model.json'].sort());
  for (const { path, sha256: sum } of manifest.files) {
    const bytes = await readFile(join(folder, path));
    assert.equal(sha256(bytes), sum, path);
    assert.ok(bytes.equals(files[path] as Buffer), path);
  }
  assert.deepEqual(
    [manifest.repository, manifest.commit, manifest.revision],
    ['tester/tiny', stub.commit, 'main'],
  );
  assert.equal((await verifyModel(folder)).state, 'right');
  // Nothing is left of the work, and progress ends where it should and never says more than there is.
  assert.deepEqual(await readdir(modelsDirectory), ['tiny']);
  assert.deepEqual(steps.at(-1)?.[0], steps.at(-1)?.[1]);
  assert.ok(steps.every(([done, total]) => done <= total));
  const settings = { threads: 1, slots: 1, context: 64, prefillChunk: 64, queue: 4 };
  const model = await loadModel('tiny', folder, settings);
  await model.engine.close();

  const again = await pull();
  assert.equal(again.fresh, false);
  assert.equal(stub.asked(weights).length, 1);
});

test('a graph of another name, with weights of any name beside it, becomes a model that loads', async (t) => {
  const { 'model.onnx': graph, [weights]: data, ...rest } = await hubModel();
  // A name of the same length keeps the protobuf whole.
  const renamed = Buffer.from(
    (graph as Buffer).toString('latin1').replaceAll(weights, 'any_name.bin-07'),
    'latin1',
  );
  const { pull } = await pullSetup(t, {
    files: {
      ...rest,
      'onnx/model.onnx': Buffer.alloc(9000),
      'onnx/model.onnx_data': Buffer.alloc(9000),
      'onnx/model_q4.onnx': renamed,
      'onnx/any_name.bin-07': data as Buffer,
      'concepts/sea.safetensors': Buffer.from('a concept'),
    },
  });
  const { folder, manifest } = await pull();
  assert.deepEqual([manifest.graph, manifest.quantization], ['onnx/model_q4.onnx', 'q4']);
  assert.deepEqual(manifest.files.map(({ path }) => path).sort(), [
    'README.md',
    'any_name.bin-07',
    'concepts/sea.safetensors',
    'config.json',
    'genai_config.json',
    'model.onnx',
    'tokenizer.json',
    'tokenizer_config.json',
  ]);
  assert.equal((await verifyModel(folder)).state, 'right');
  const settings = { threads: 1, slots: 1, context: 64, prefillChunk: 64, queue: 4 };
  const model = await loadModel('tiny', folder, settings);
  await model.engine.close();
});

test('a model that is there is not written over, and two pulls do not meet', async (t) => {
  const slow: Fault = { speed: 2_000_000 };
  const { pull, modelsDirectory, stub } = await pullSetup(t, { fault: () => slow });
  const both = await Promise.allSettled([pull(), pull()]);
  const [refused] = both.flatMap((one) => (one.status === 'rejected' ? [one.reason as Error] : []));
  assert.ok(code('pull_running', new RegExp(`process ${process.pid} on`))(refused));
  assert.equal((await listModels(modelsDirectory)).length, 1);

  await mkdir(join(modelsDirectory, 'mine'));
  await writeFile(join(modelsDirectory, 'mine', 'model.onnx'), 'mine');
  const before = stub.requests.length;
  await assert.rejects(pull({ name: 'mine' }), code('model_exists', /not pulled/));
  assert.equal(stub.requests.length, before);
  assert.equal(await readFile(join(modelsDirectory, 'mine', 'model.onnx'), 'utf8'), 'mine');
  for (const name of ['..', '.hidden', 'a/b', 'pulls', '']) {
    await assert.rejects(pull({ name }), code('invalid_value', /^name must be/));
  }
});

test('a models directory that cannot be written is told with the setting to change', async (t) => {
  const { pull, modelsDirectory, stub } = await pullSetup(t);
  const file = join(modelsDirectory, 'file');
  await writeFile(file, '');
  await assert.rejects(
    pull({}, { modelsDirectory: file }),
    code('storage_failed', /cannot be written.*STEERD_MODELS_DIR/),
  );
  assert.equal(stub.requests.length, 0);
});

test('a lock of a process that is gone is void', async (t) => {
  const { pull, modelsDirectory } = await pullSetup(t);
  await mkdir(join(modelsDirectory, '.pull'));
  await writeFile(join(modelsDirectory, '.pull', 'tiny.lock'), `4194000 ${hostname()} abc`);
  await pull();
  assert.deepEqual(await readdir(modelsDirectory), ['tiny']);
});

test('a lock of another machine holds as long as it is touched', async (t) => {
  const { pull, modelsDirectory } = await pullSetup(t);
  const lock = join(modelsDirectory, '.pull', 'tiny.lock');
  await mkdir(join(modelsDirectory, '.pull'));
  await writeFile(lock, '1 elsewhere abc');
  await assert.rejects(pull(), code('pull_running', /process 1 on elsewhere/));
  const minuteAgo = new Date(Date.now() - 60_000);
  await utimes(lock, minuteAgo, minuteAgo);
  assert.equal((await pull()).fresh, true);
});

test('a disk without room is told before anything is fetched', async (t) => {
  const { pull, stub, modelsDirectory } = await pullSetup(t, {
    info: (info) => ({
      ...info,
      siblings: info.siblings.map((one) =>
        one.rfilename === weights ? { ...one, lfs: { sha256: 'a'.repeat(64), size: 2 ** 52 } } : one,
      ),
    }),
  });
  await assert.rejects(pull(), code('storage_failed', /4504 TB more are needed|free/));
  assert.equal(stub.requests.length, 1);
  await nothingLoads(modelsDirectory);
});

test('verify finds what changed, and tells what it cannot know', async (t) => {
  const { pull, modelsDirectory } = await pullSetup(t);
  const { folder } = await pull();
  await writeFile(join(folder, 'notes.txt'), 'mine');
  assert.deepEqual(await verifyModel(folder), { state: 'right', faults: [], extra: ['notes.txt'] });
  const data = await readFile(join(folder, weights));
  data[99] = (data[99] ?? 0) ^ 4;
  await writeFile(join(folder, weights), data);
  await writeFile(join(folder, 'config.json'), '{}');
  await rm(join(folder, 'tokenizer.json'));
  const { state, faults } = await verifyModel(folder);
  assert.equal(state, 'wrong');
  assert.equal(faults.length, 3);
  assert.match(faults.join('\n'), /config\.json has 2 bytes where 713/);
  assert.match(faults.join('\n'), /model\.onnx\.data has SHA-256/);
  assert.match(faults.join('\n'), /tokenizer\.json is missing/);
  await mkdir(join(modelsDirectory, 'other'));
  assert.equal((await verifyModel(join(modelsDirectory, 'other'))).state, 'unknown');
});
