/** Locks of holders whose number or clock tells nothing: who lives keeps the lock, and who is gone does not hold it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { lockFile } from '../../src/common/file-lock.js';

const times = { touchEvery: 40, voidAfter: 10_000 };
const anHourAgo = new Date(Date.now() - 3_600_000);

describe('a lock', () => {
  let folder: string;
  let file: string;
  const take = () => lockFile(file, (who) => new Error(`held by ${who}`), times);
  const touching = (at: () => Date) => setInterval(() => void utimes(file, at(), at()).catch(() => {}), 20);

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'steerd-lock-'));
    file = join(folder, 'a.lock');
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  for (const [what, holder, touched] of [
    ['of a container beside this one, with its name and number', `${process.pid} ${hostname()} 00 pid:[1]`],
    ['of a container that has the host’s name', `${deadNumber()} ${hostname()} 00 pid:[1]`],
    [
      'of a living process, after the clock was set an hour on',
      `${process.ppid} ${hostname()} 00`,
      anHourAgo,
    ],
  ] as const)
    test(`${what} is its own while it lives`, async () => {
      await writeFile(file, holder);
      if (touched !== undefined) await utimes(file, touched, touched);
      let ticks = 0;
      const alive = touching(() => new Date((touched?.getTime() ?? Date.now()) + ticks++));
      try {
        await assert.rejects(take(), /held by process/);
        assert.equal(readFileSync(file, 'utf8'), holder);
      } finally {
        clearInterval(alive);
      }
    });

  for (const [what, holder, touched] of [
    ['of this container before it was killed', `${process.pid} ${hostname()} 00 pid:[1]`],
    ['whose number another process was given', `${process.ppid} ${hostname()} 00`, anHourAgo],
    ['of a machine that went away', '7 elsewhere 00 pid:[1]', anHourAgo],
  ] as const)
    test(`${what} is taken over`, async () => {
      await writeFile(file, holder);
      if (touched !== undefined) await utimes(file, touched, touched);
      const lock = await take();
      assert.notEqual(readFileSync(file, 'utf8'), holder);
      await lock.release();
      assert.deepEqual(await readdir(folder), []);
    });

  test('that is given back while it is watched is free', async () => {
    await writeFile(file, `${process.ppid} ${hostname()} 00`);
    await utimes(file, anHourAgo, anHourAgo);
    const slow = { ...times, touchEvery: 10 * times.touchEvery };
    const taken = lockFile(file, (who) => new Error(`held by ${who}`), slow);
    await new Promise((resolve) => setTimeout(resolve, 2 * times.touchEvery));
    await rm(file);
    const lock = await taken;
    await lock.release();
    assert.deepEqual(await readdir(folder), []);
  });

  test('is told lost when another has it, who then keeps it', async () => {
    const lock = await take();
    await new Promise((resolve) => setTimeout(resolve, 3 * times.touchEvery));
    assert.equal(lock.lost.aborted, false);
    await writeFile(file, '7 elsewhere 00 pid:[1]');
    // The lock's own timer keeps no process alive: something else has to while it is waited for.
    while (!lock.lost.aborted) await new Promise((resolve) => setTimeout(resolve, times.touchEvery));
    await lock.release();
    assert.equal(readFileSync(file, 'utf8'), '7 elsewhere 00 pid:[1]');
  });
});

/** The number of a process that has ended. */
function deadNumber(): number {
  return spawnSync(process.execPath, ['-e', '']).pid;
}
