/** The images' entry point and health check, as programs. */
import assert from 'node:assert/strict';
import { lstat, mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { packageRoot, packageVersion } from '../../src/common/package.js';
import { build } from '../helpers/app.js';
import { outcome } from './process.js';

const embedded = 'smollm2-135m-instruct';
const runScript = (file: string, words: readonly string[], environment: Record<string, string>) =>
  outcome(process.execPath, [join(packageRoot, 'docker', file), ...words], {
    env: { ...process.env, ...environment },
  });

async function emptyFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'steerd-models-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

describe('the entry point', () => {
  const start = (folder: string) => runScript('entrypoint.js', ['--version'], { STEERD_MODELS_DIR: folder });

  test('links the embedded model into an empty volume, once, and runs steerd', async (t) => {
    const folder = join(await emptyFolder(t), 'models');
    for (let time = 0; time < 2; time++) {
      assert.deepEqual(await start(folder), { code: 0, output: `${packageVersion}\n` });
      assert.deepEqual(await readdir(folder), [embedded]);
      assert.equal(await realpath(join(folder, embedded)), join(packageRoot, 'models', embedded));
    }
  });

  test("leaves the owner's model of that name alone", async (t) => {
    const folder = await emptyFolder(t);
    await mkdir(join(folder, embedded));
    await writeFile(join(folder, embedded, 'mine'), 'x');
    assert.equal((await start(folder)).code, 0);
    assert.ok((await lstat(join(folder, embedded))).isDirectory());
    assert.equal(await readFile(join(folder, embedded, 'mine'), 'utf8'), 'x');
  });

  test('says what it could not link, and goes on', async (t) => {
    const file = join(await emptyFolder(t), 'file');
    await writeFile(file, '');
    const { code, output } = await start(join(file, 'models'));
    assert.equal(code, 0);
    assert.match(
      output,
      new RegExp(`cannot link the model ${embedded} into .*ENOTDIR.*\\n${packageVersion}\\n$`),
    );
  });
});

describe('the health check', () => {
  const look = (url: string, host = '0.0.0.0') =>
    runScript('health-check.js', [], { HOST: host, PORT: new URL(url).port });

  test('passes once completions can be answered, and not before', async (t) => {
    let loaded = false;
    const { app } = await build(t, { loaded: () => loaded });
    const url = await app.listen({ host: '127.0.0.1', port: 0 });
    const before = await look(url);
    assert.equal(before.code, 1);
    assert.match(before.output, /^503 /);
    loaded = true;
    assert.equal((await look(url)).code, 0);
    assert.equal((await look(url, '127.0.0.1')).code, 0);
  });

  test('fails where nobody listens', async (t) => {
    const { app } = await build(t);
    const url = await app.listen({ host: '127.0.0.1', port: 0 });
    await app.close();
    const { code, output } = await look(url);
    assert.equal(code, 1);
    assert.match(output, /ECONNREFUSED/);
  });
});
