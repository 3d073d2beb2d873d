import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { ConfigError } from '../../src/config.js';
import { lockDataDirectory } from '../../src/server/data-lock.js';

describe('the lock of a data directory', () => {
  let folder: string;
  let file: string;
  let told: string[];
  const log = { warn: (...args: unknown[]) => told.push(String(args[1])), error: () => {} };

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'steerd-lock-'));
    file = join(folder, 'server.lock');
    told = [];
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  test('a second server is refused by the name of the first, until that has stopped', async () => {
    const unlock = await lockDataDirectory(folder, log);
    await assert.rejects(lockDataDirectory(folder, log), (error: unknown) => {
      assert.ok(error instanceof ConfigError);
      assert.match(error.message, new RegExp(`process ${process.pid} on `));
      assert.ok(error.message.includes(folder));
      return true;
    });
    await unlock();
    assert.equal(existsSync(file), false);
    await (await lockDataDirectory(folder, log))();
  });

  test('the lock of a living other process holds', async () => {
    const content = `${process.ppid} ${hostname()} 00`;
    await writeFile(file, content);
    await assert.rejects(lockDataDirectory(folder, log), ConfigError);
    assert.equal(readFileSync(file, 'utf8'), content);
  });

  test('the lock of a process that is gone is taken over, also if it had the number of this one', async () => {
    const { pid } = spawnSync(process.execPath, ['-e', '']);
    for (const gone of [pid, process.pid]) {
      await writeFile(file, `${gone} ${hostname()} 00`);
      const unlock = await lockDataDirectory(folder, log);
      assert.notEqual(readFileSync(file, 'utf8'), `${gone} ${hostname()} 00`);
      await unlock();
    }
  });

  test('where no lock can be written, the server goes on and says so', async () => {
    const notFolder = join(folder, 'file');
    await writeFile(notFolder, '');
    await (await lockDataDirectory(notFolder, log))();
    assert.equal(told.length, 1);
  });

  test('a lock that cannot be read is not waited for', async () => {
    await mkdir(file);
    await (await lockDataDirectory(folder, log))();
    assert.equal(told.length, 1);
  });
});
