/** Pulls of repositories that have safetensors and no export: the graph is built here. */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { packageRoot } from '../../../src/common/package.js';
import { errors } from '../../../src/errors.js';
import { verifyModel } from '../../../src/models/disk/manifest.js';
import { type PullOptions, type PullRequest, pullModel } from '../../../src/models/pull/pull.js';
import { hubModel } from '../../helpers/hub-model.js';
import { quick } from '../import/quick-builder.js';
import { code, pullSetup } from './pull-helpers.js';

async function setup(t: TestContext, more: Record<string, Buffer> = {}) {
  const folder = join(packageRoot, 'test/fixtures/checkpoints/llama');
  const names = await readdir(folder);
  const own = await Promise.all(
    names.map(async (name): Promise<[string, Buffer]> => [name, await readFile(join(folder, name))]),
  );
  const files = {
    ...Object.fromEntries(own),
    'consolidated.safetensors': Buffer.from('other'),
    'original/model.safetensors': Buffer.from('other'),
    ...more,
  };
  const { hub, stub, modelsDirectory } = await pullSetup(t, { files });
  const pull = (request: Partial<PullRequest> = {}, options: Partial<PullOptions> = {}) =>
    pullModel(
      { repository: stub.repository, revision: 'main', ...request },
      { hub, modelsDirectory, builder: quick, signal: new AbortController().signal, ...options },
    );
  return { stub, modelsDirectory, pull };
}

test('without an export the graph is built, and the manifest tells from what', async (t) => {
  const { stub, modelsDirectory, pull } = await setup(t);
  const stages: string[] = [];
  const { manifest, folder, fresh } = await pull({}, { onProgress: ({ stage }) => stages.push(stage) });
  assert.ok(manifest.format === 2 && fresh);
  assert.deepEqual(
    [manifest.precision, manifest.checkpoint.hub?.repository, manifest.checkpoint.hub?.commit],
    ['int8', 'tester/tiny', stub.commit],
  );
  assert.equal((await verifyModel(folder)).state, 'right');
  assert.deepEqual([...new Set(stages)], ['look up', 'download', 'build', 'check']);
  assert.deepEqual(await readdir(modelsDirectory), ['tiny']);
  assert.deepEqual(stub.asked('original/model.safetensors'), []);
  assert.deepEqual(stub.asked('consolidated.safetensors'), []);
  assert.equal((await pull()).fresh, false);
  await assert.rejects(pull({ precision: 'int4' }), code('model_exists', /built as int8 from tester\/tiny@/));
});

test('an export that is there is taken, unless a precision is asked for', async (t) => {
  const { modelsDirectory, pull } = await setup(t, await hubModel());
  assert.equal((await pull({ name: 'exported' })).manifest.format, 1);
  assert.equal((await pull({ name: 'built', precision: 'fp32' })).manifest.format, 2);
  assert.deepEqual((await readdir(modelsDirectory)).sort(), ['built', 'exported']);
});

test('a build that fails keeps what was brought, and the next pull does not bring it again', async (t) => {
  const { stub, modelsDirectory, pull } = await setup(t);
  const failing = { ...quick, build: () => Promise.reject(new Error('no memory')) };
  await assert.rejects(pull({}, { builder: failing }), /no memory/);
  assert.deepEqual(await readdir(modelsDirectory), ['.pull']);
  await pull();
  assert.equal(stub.asked('model.safetensors').length, 1);
  assert.deepEqual(await readdir(modelsDirectory), ['tiny']);
});

test('a precision without a checkpoint to build from is refused', async (t) => {
  const { pull } = await setup(t, { 'tokenizer.json': Buffer.from('{}') });
  await assert.rejects(pull({ precision: 'int8' }));
  const { hub, stub, modelsDirectory } = await pullSetup(t);
  const request = { repository: stub.repository, revision: 'main', precision: 'int8' } as const;
  const options = { hub, modelsDirectory, builder: quick, signal: new AbortController().signal };
  await assert.rejects(pullModel(request, options), code('nothing_to_pull', /no checkpoint to build from/));
});

test('what cannot be built is refused before its weights are brought, and nothing is left', async (t) => {
  const { stub, modelsDirectory, pull } = await setup(t);
  const choosy = {
    ...quick,
    check: ({ model_type }: Readonly<Record<string, unknown>>) => {
      throw errors.checkpointUnsupported('config.json', `its architecture ${model_type} is not known`);
    },
  };
  await assert.rejects(pull({}, { builder: choosy }), code('model_unsupported', /llama is not known/));
  assert.deepEqual(stub.asked('model.safetensors'), []);
  assert.deepEqual(await readdir(modelsDirectory), []);
});

const fixture = (name: string) => readFile(join(packageRoot, 'test/fixtures/checkpoints', name));

async function ggufs() {
  const [bf16, q8] = await Promise.all([fixture('llama-bf16.gguf'), fixture('llama-q8_0.gguf')]);
  return {
    'README.md': Buffer.from('a card'),
    LICENSE: Buffer.from('a licence'),
    'tiny-BF16.gguf': bf16,
    'small/tiny-Q8_0.gguf': q8,
    'mmproj-tiny.gguf': Buffer.from('other'),
  };
}

test('of a repository of GGUF files one is built from: Q8_0, one by words of its name, one by its path', async (t) => {
  const { hub, stub, modelsDirectory } = await pullSetup(t, { files: await ggufs() });
  const sources: (string | null)[] = [];
  const pull = (request: Partial<PullRequest> = {}) =>
    pullModel(
      { repository: stub.repository, revision: 'main', ...request },
      {
        ...{ hub, modelsDirectory, builder: quick, signal: new AbortController().signal },
        onPlan: ({ source }) => sources.push(source),
      },
    );
  const { manifest, folder } = await pull();
  assert.ok(manifest.format === 2);
  assert.deepEqual(
    [manifest.checkpoint.format, manifest.checkpoint.files.map(({ name }) => name)],
    ['gguf', ['tiny-Q8_0.gguf']],
  );
  assert.equal(await readFile(join(folder, 'LICENSE'), 'utf8'), 'a licence');
  assert.equal((await pull()).fresh, false);
  await pull({ gguf: 'bf16', name: 'by-words' });
  await pull({ file: 'tiny-BF16.gguf', name: 'by-path', precision: 'fp32' });
  assert.deepEqual(sources, ['tiny-Q8_0.gguf', 'tiny-Q8_0.gguf', 'tiny-BF16.gguf', 'tiny-BF16.gguf']);
  await assert.rejects(
    pull({ gguf: 'Q4_K_M', name: 'none' }),
    code('nothing_to_pull', /no GGUF file Q4_K_M.*tiny-BF16\.gguf, small\/tiny-Q8_0\.gguf/s),
  );
});

test('an export that cannot be served is built from safetensors instead, unless it was asked for', async (t) => {
  const { pull } = await setup(t, { 'model.onnx': Buffer.from('no graph at all') });
  const reasons: (string | undefined)[] = [];
  const { manifest } = await pull({}, { onPlan: ({ because }) => reasons.push(because) });
  assert.equal(manifest.format, 2);
  assert.equal(reasons[0], undefined);
  assert.match(reasons[1] ?? '', /model\.onnx/);
  await assert.rejects(pull({ file: 'model.onnx', name: 'asked' }), code('model_unsupported'));
});
