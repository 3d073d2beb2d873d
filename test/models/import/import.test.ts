/** Imports with a builder that is quick: what is there in the end is whole, or nothing. */
import assert from 'node:assert/strict';
import {
  access,
  copyFile,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { packageRoot } from '../../../src/common/package.js';
import { SteerdError } from '../../../src/errors.js';
import { verifyModel } from '../../../src/models/disk/manifest.js';
import { listModels, listUnfinished } from '../../../src/models/disk/model-folders.js';
import type { Builder } from '../../../src/models/import/builder.js';
import { type ImportOptions, type ImportRequest, importModel } from '../../../src/models/import/import.js';
import { quick } from './quick-builder.js';

const fixtures = join(packageRoot, 'test/fixtures');
const llama = join(fixtures, 'checkpoints/llama');
const gguf = join(fixtures, 'checkpoints/llama-q8_0.gguf');

async function setup(t: TestContext) {
  const modelsDirectory = await mkdtemp(join(tmpdir(), 'import-'));
  t.after(() => rm(modelsDirectory, { recursive: true }));
  const run = (request: Partial<ImportRequest> = {}, options: Partial<ImportOptions> = {}) =>
    importModel(
      { path: gguf, ...request },
      { builder: quick, modelsDirectory, signal: new AbortController().signal, ...options },
    );
  const nothingLeft = async () => assert.deepEqual(await readdir(modelsDirectory), []);
  return { modelsDirectory, run, nothingLeft };
}

const code = (expected: string, message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof SteerdError, String(error));
  assert.deepEqual([error.code, message.test(error.message) ? '' : error.message], [expected, '']);
  return true;
};

test('a GGUF file becomes a folder that is whole, verified and told of', async (t) => {
  const { modelsDirectory, run } = await setup(t);
  const stages: string[] = [];
  const { name, folder, manifest } = await run({}, { onProgress: ({ stage }) => stages.push(stage) });
  assert.equal(name, 'llama-q8_0');
  assert.deepEqual((await readdir(folder)).sort(), [
    'chat_template.jinja',
    'config.json',
    'generation_config.json',
    'model.onnx',
    'model.onnx.data',
    'steerd-model.json',
    'tokenizer.json',
    'tokenizer_config.json',
  ]);
  assert.equal((await verifyModel(folder)).state, 'right');
  assert.deepEqual([...new Set(stages)], ['build', 'check']);
  assert.deepEqual(
    [manifest.architecture, manifest.precision, manifest.checkpoint.format, manifest.checkpoint.files],
    ['llama', 'int8', 'gguf', [{ name: 'llama-q8_0.gguf', bytes: 247_904 }]],
  );
  assert.deepEqual(await readdir(modelsDirectory), ['llama-q8_0']);
  await writeFile(join(folder, 'config.json'), '{}');
  assert.equal((await verifyModel(folder)).state, 'wrong');
  assert.deepEqual(
    (await listModels(modelsDirectory)).map((one) => one.manifest?.format),
    [2],
  );
});

test('the same checkpoint gives the same files', async (t) => {
  const { run } = await setup(t);
  const [one, two] = [await run({ path: llama, name: 'one' }), await run({ path: llama, name: 'two' })];
  assert.deepEqual(one.manifest.files, two.manifest.files);
});

test('a folder of a Hugging Face cache, whose files are links to blobs, is opened as it is', async (t) => {
  const { modelsDirectory, run } = await setup(t);
  const cache = await mkdtemp(join(tmpdir(), 'cache-'));
  t.after(() => rm(cache, { recursive: true }));
  const repository = join(cache, 'models--tester--Tiny-Llama');
  const snapshot = join(repository, 'snapshots', '0123456789abcdef');
  await mkdir(join(repository, 'blobs'), { recursive: true });
  await mkdir(join(repository, 'refs'));
  await mkdir(snapshot, { recursive: true });
  await writeFile(join(repository, 'refs/main'), '0123456789abcdef');
  for (const file of await readdir(llama)) {
    await copyFile(join(llama, file), join(repository, 'blobs', `blob-${file}`));
    await symlink(join('../../blobs', `blob-${file}`), join(snapshot, file));
  }
  assert.equal((await run({ path: snapshot })).name, 'Tiny-Llama');
  assert.equal((await run({ path: repository, name: 'again' })).name, 'again');
  assert.deepEqual((await readdir(modelsDirectory)).sort(), ['Tiny-Llama', 'again']);
});

test('what is cancelled or fails leaves nothing', async (t) => {
  const { run, nothingLeft } = await setup(t);
  const controller = new AbortController();
  const stop = () => controller.abort(new Error('stopped'));
  await assert.rejects(run({}, { signal: controller.signal, onProgress: stop }), /stopped/);
  await nothingLeft();
  const failing = { ...quick, build: () => Promise.reject(new Error('no graph')) };
  await assert.rejects(run({}, { builder: failing }), /no graph/);
  await nothingLeft();
  const empty = { ...quick, build: async () => {} };
  await assert.rejects(run({}, { builder: empty }));
  await nothingLeft();
});

test('a build whose server stops is kept, for the job waits for the next one', async (t) => {
  const { modelsDirectory, run } = await setup(t);
  const controller = new AbortController();
  const stopped = { signal: controller.signal, onProgress: () => controller.abort(new Error('stopped')) };
  await assert.rejects(run({ name: 'kept' }, { ...stopped, goesOn: () => true }), /stopped/);
  const [left, ...others] = await listUnfinished(modelsDirectory);
  assert.deepEqual([left?.name, others.length], ['kept', 0]);
  // A fault of the build itself is none of the server's.
  const failing = { ...quick, build: () => Promise.reject(new Error('no graph')) };
  await assert.rejects(run({ name: 'kept' }, { builder: failing, goesOn: () => true }), /no graph/);
  assert.deepEqual(await listUnfinished(modelsDirectory), []);
});

test('a checkpoint that is written to while it is read leaves nothing; one that is deleted is read to its end', async (t) => {
  const { run, nothingLeft, modelsDirectory } = await setup(t);
  const path = join(modelsDirectory, '..', `still-coming-${process.pid}.gguf`);
  t.after(() => rm(path, { force: true }));
  await copyFile(gguf, path);
  const meanwhile = (change: () => Promise<void>): Builder => ({
    ...quick,
    async build(request) {
      await quick.build(request);
      await change();
    },
  });
  const grows = meanwhile(() => utimes(path, new Date(), new Date(Date.now() + 5_000)));
  await assert.rejects(run({ path }, { builder: grows }), code('checkpoint_invalid', /written to while/));
  await nothingLeft();
  const { folder } = await run({ path, name: 'whole' }, { builder: meanwhile(() => rm(path)) });
  assert.equal((await verifyModel(folder)).state, 'right');
});

test('a build that was killed is gone on with; another precision begins anew', async (t) => {
  const { modelsDirectory, run } = await setup(t);
  const outs: string[] = [];
  const found: boolean[] = [];
  const watching: Builder = {
    ...quick,
    async build(request) {
      outs.push(request.out);
      found.push(
        await access(join(request.out, '.half')).then(
          () => true,
          () => false,
        ),
      );
      await quick.build(request);
    },
  };
  await run({ name: 'a' }, { builder: watching });
  // As a kill leaves it.
  const [staging = ''] = outs;
  const left = staging.replace('a@', 'b@');
  await mkdir(left, { recursive: true });
  await writeFile(join(left, '.half'), '');
  assert.deepEqual(
    (await listUnfinished(modelsDirectory)).map(({ name }) => name),
    ['b'],
  );
  const other = left.replace(/@.*/, '@0123');
  await mkdir(other);
  const { folder } = await run({ name: 'b' }, { builder: watching });
  assert.equal((await readdir(folder)).includes('.half'), false);
  assert.deepEqual(found, [false, true]);
  assert.deepEqual(await listUnfinished(modelsDirectory), []);
  await run({ name: 'c', precision: 'int4' }, { builder: watching });
  assert.notEqual(outs[2]?.replace('c@', ''), outs[0]?.replace('a@', ''));
});

test('a taken name, a full disk and names that are none are refused before anything is built', async (t) => {
  const { run, nothingLeft, modelsDirectory } = await setup(t);
  const never = { ...quick, build: () => assert.fail('built') };
  await assert.rejects(run({ name: 'a/b' }, { builder: never }), code('invalid_value', /name/));
  const huge = { ...never, size: () => 2 ** 60 };
  await assert.rejects(run({}, { builder: huge }), code('storage_failed', /free/));
  await nothingLeft();
  await run();
  await assert.rejects(
    run({}, { builder: never }),
    code('model_exists', /built as int8 from llama-q8_0.gguf/),
  );
  assert.deepEqual(await readdir(modelsDirectory), ['llama-q8_0']);
});

test('a checkpoint without tokenizer.json, and a tokenizer with one id for two tokens', async (t) => {
  const { run, nothingLeft } = await setup(t);
  const folder = await mkdtemp(join(tmpdir(), 'checkpoint-'));
  t.after(() => rm(folder, { recursive: true }));
  await cp(llama, folder, { recursive: true });
  const tokenizer = JSON.parse(await readFile(join(folder, 'tokenizer.json'), 'utf8'));
  await writeFile(
    join(folder, 'tokenizer.json'),
    JSON.stringify({
      ...tokenizer,
      model: { ...tokenizer.model, vocab: { ...tokenizer.model.vocab, twin: 9 } },
    }),
  );
  await assert.rejects(run({ path: folder, name: 'x' }), code('checkpoint_invalid', /both have id 9/));
  await rm(join(folder, 'tokenizer.json'));
  await writeFile(join(folder, 'tokenizer.model'), '');
  await assert.rejects(
    run({ path: folder, name: 'x' }),
    code(
      'model_unsupported',
      /no tokenizer.json but tokenizer.model, tokenizer_config.json|no tokenizer.json but/,
    ),
  );
  await nothingLeft();
});
