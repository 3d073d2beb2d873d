/** Which data directory is meant: the user's, an old one of the working directory with keys or concepts, or neither. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { oldDataDirectory, shownPlace, usualDataDirectory } from '../../src/commands/data-place.js';
import { ConfigError } from '../../src/config.js';
import { temporaryFolder } from '../concepts/sample.js';

async function places(t: TestContext) {
  const root = await temporaryFolder(t);
  const [here, user] = [join(root, 'here'), join(root, 'share/steerd')];
  const old = join(here, 'data');
  await mkdir(old, { recursive: true });
  return { here, old, user, chosen: () => usualDataDirectory(user, here) };
}

const fill: Readonly<Record<string, (folder: string) => Promise<void>>> = {
  keys: (folder) => writeFile(join(folder, 'keys.json'), 'anything'),
  'a link to keys that are not there': (folder) => symlink('/nowhere/keys.json', join(folder, 'keys.json')),
  'a concept': async (folder) => {
    await mkdir(join(folder, 'concepts'));
    await writeFile(join(folder, 'concepts/a.safetensors'), '');
  },
};

test("the user's place, whatever else a folder called data holds", async (t) => {
  const { old, user, chosen } = await places(t);
  assert.equal(chosen(), user);
  await mkdir(join(old, 'concepts'));
  await writeFile(join(old, 'concepts/list.csv'), '');
  await writeFile(join(old, 'server.lock'), '');
  assert.equal(chosen(), user);
});

for (const [what, put] of Object.entries(fill)) {
  test(`an old ./data with ${what} goes on being used; with some in both places the user is asked`, async (t) => {
    const { old, user, chosen } = await places(t);
    await put(old);
    assert.equal(chosen(), oldDataDirectory);
    await mkdir(join(user, 'concepts'), { recursive: true });
    assert.equal(chosen(), oldDataDirectory, 'a place that a start made holds nothing');
    await writeFile(join(user, 'keys.json'), '');
    assert.throws(chosen, (error: unknown) => {
      assert.ok(error instanceof ConfigError);
      for (const part of ['STEERD_DATA_DIR', old, user])
        assert.ok(error.message.includes(part), error.message);
      return true;
    });
  });
}

test('where data is is said, with the reason where it follows the working directory', () => {
  assert.equal(shownPlace(resolve('/d')), resolve('/d'));
  assert.match(
    shownPlace(oldDataDirectory),
    /data \(\.\/data of the working directory is used where it has API keys/,
  );
  assert.match(shownPlace('other'), /other \(other of the working directory; STEERD_DATA_DIR sets it\)/);
});

test("one folder is not two, when the working directory leads to the user's place", async (t) => {
  const { here, old } = await places(t);
  await writeFile(join(old, 'keys.json'), '');
  assert.equal(usualDataDirectory(old, here), old);
});

test("commands go by it: a key made elsewhere is the user's, and one of old is not passed over", {
  skip: process.platform !== 'linux' && 'of other systems the place cannot be moved',
}, async (t) => {
  const { here, old, user } = await places(t);
  const cli = fileURLToPath(new URL('../../src/cli.js', import.meta.url));
  const { STEERD_DATA_DIR: _, ...inherited } = process.env;
  const keys = (cwd: string, ...args: string[]) =>
    new Promise<string>((done) => {
      const env = { ...inherited, XDG_DATA_HOME: join(user, '..') };
      execFile(process.execPath, [cli, 'keys', ...args], { cwd, env }, (_, stdout, stderr) =>
        done(stdout + stderr),
      );
    });
  const elsewhere = await temporaryFolder(t);
  const said = await keys(elsewhere, 'add', 'alice');
  assert.ok(said.includes(join(user, 'keys.json')), said);
  await writeFile(join(old, 'keys.json'), '{"format": 1, "keys": []}');
  assert.match(await keys(here), /STEERD_DATA_DIR must say/);
});
