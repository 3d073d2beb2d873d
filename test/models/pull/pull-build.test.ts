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
