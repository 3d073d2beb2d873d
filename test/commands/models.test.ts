/** `steerd models` on folders that were pulled, put there by hand, and left behind. */
import assert from 'node:assert/strict';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { register } from '../../src/commands/models.js';
import { register as registerPull } from '../../src/commands/pull.js';
import { pullSetup } from '../models/pull/pull-helpers.js';
import { runCommand } from './run-command.js';

async function setup(t: TestContext) {
  const { stub, modelsDirectory } = await pullSetup(t);
  const directory = ['--models-dir', modelsDirectory];
  const pull = (...args: string[]) =>
    runCommand(t, registerPull, ['pull', 'tester/tiny', '--hub', stub.endpoint, ...directory, ...args]);
  const models = (...args: string[]) => runCommand(t, register, ['models', ...args, ...directory]);
  t.after(() => {
    process.exitCode = 0;
  });
  return { modelsDirectory, pull, models, stub };
}

test('list tells models from what pulls left, with where they came from; hidden folders are none', async (t) => {
  const { modelsDirectory, pull, models, stub } = await setup(t);
  const said = await pull();
  assert.match(said, /^pulled tiny \(tester\/tiny@/);
  assert.ok(said.includes(`steerd serve --models-dir ${modelsDirectory} --model tiny`));
  assert.match(await pull(), /^already there: tiny/);
  await mkdir(join(modelsDirectory, 'mine'));
  await mkdir(join(modelsDirectory, '.git'));
  await mkdir(join(modelsDirectory, '.pull', 'half@abc'), { recursive: true });
  await writeFile(join(modelsDirectory, '.pull', 'half@abc', 'model.onnx.part'), Buffer.alloc(1500));
  const rows = (await models('list')).trimEnd().split('\n');
  assert.deepEqual(
    rows.map((row) => row.split(/ {2,}/)[0]),
    ['NAME', 'mine', 'tiny', 'smollm2-135m-instruct', 'half'],
  );
  assert.match(rows[1] ?? '', /not pulled$/);
  assert.match(rows[2] ?? '', new RegExp(`tester/tiny@${stub.commit.slice(0, 12)}$`));
  assert.match(rows[3] ?? '', /comes with steerd$/);
  assert.match(rows[4] ?? '', /1\.50 kB.*unfinished/);
  const json = JSON.parse(await models('list', '--json')) as {
    data: { name: string }[];
    unfinished: object[];
  };
  assert.deepEqual(
    [json.data.map(({ name }) => name), json.unfinished.length],
    [['mine', 'tiny', 'smollm2-135m-instruct'], 1],
  );
});

test('remove takes pulled models and remains of pulls; others by force only', async (t) => {
  const { modelsDirectory, pull, models } = await setup(t);
  await pull('--name', 'a');
  await mkdir(join(modelsDirectory, '.pull', 'b@abc'), { recursive: true });
  await mkdir(join(modelsDirectory, 'mine'));
  await assert.rejects(models('remove', 'mine'), /was not pulled.*--force/);
  await assert.rejects(models('remove', 'none'), /"none" does not exist; this server has: a, mine/);
  await assert.rejects(models('remove', '.pull'), /does not exist/);
  assert.match(await models('remove', 'a'), /^a is removed: \d+ kB\n$/);
  await models('remove', 'b');
  await models('remove', 'mine', '--force');
  assert.deepEqual(await readdir(join(modelsDirectory, '.pull')), []);
  assert.deepEqual(await readdir(modelsDirectory), ['.pull']);
});

test('verify ends with 1 for a model that changed or that was named and cannot be known', async (t) => {
  const { modelsDirectory, pull, models } = await setup(t);
  await pull();
  await mkdir(join(modelsDirectory, 'mine'));
  process.exitCode = 0;
  assert.match(
    await models('verify'),
    /^mine: not pulled.*\ntiny: right\nsmollm2-135m-instruct: not pulled.*\n$/,
  );
  assert.equal(process.exitCode, 0);
  await models('verify', 'mine');
  assert.equal(process.exitCode, 1);
  process.exitCode = 0;
  await rm(join(modelsDirectory, 'tiny', 'config.json'));
  assert.match(await models('verify', 'tiny'), /^tiny: wrong\n {2}config\.json is missing\n/);
  assert.equal(process.exitCode, 1);
  await assert.rejects(models('verify', 'none'), /does not exist/);
});

test('what the command line gets wrong is told with what would be right', async (t) => {
  const { pull, modelsDirectory } = await setup(t);
  await assert.rejects(pull('--quantization', 'q3'), /--quantization must be one of q4, /);
  await assert.rejects(
    pull('--quantization', 'q4'),
    /no q4 graph; it has model\.onnx \(not told by its name\)/,
  );
  await assert.rejects(pull('--file', 'model_q4.onnx'), /no ONNX file model_q4\.onnx; it has model\.onnx/);
  await assert.rejects(pull('--name', '../x'), /^SteerdError: name must be a folder name/);
  assert.deepEqual(await readdir(modelsDirectory), []);
});
