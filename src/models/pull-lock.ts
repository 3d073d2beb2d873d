/**
 * One pull of a model at a time, over all processes that share a models directory. The lock is a file that its
 * holder touches while it works: it is void when its process on this machine is gone, or when nobody touched it for
 * half a minute (a machine that went away, another container).
 */
import { randomBytes } from 'node:crypto';
import { link, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { errors } from '../errors.js';

const touchEvery = 5_000;
const voidAfter = 30_000;

export interface PullLock {
  release(): Promise<void>;
}

/**
 * @param name of the model, for the message
 * @throws SteerdError pull_running
 */
export async function lockPull(file: string, name: string): Promise<PullLock> {
  const content = `${process.pid} ${hostname()} ${randomBytes(8).toString('hex')}`;
  for (;;) {
    try {
      await writeFile(file, content, { flag: 'wx' });
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const held = await readFile(file, 'utf8').catch(() => null);
    if (held === null) continue;
    if (await isHeld(file, held)) {
      const [pid, host] = held.split(' ');
      throw errors.pullRunning(name, `process ${pid} on ${host}`);
    }
    // Moved away first: of two that find it void, one moves it. What was moved may be the other's new one.
    const aside = `${file}.${randomBytes(4).toString('hex')}.void`;
    await rename(file, aside).catch(() => {});
    const moved = await readFile(aside, 'utf8').catch(() => held);
    if (moved !== held) await link(aside, file).catch(() => {});
    await rm(aside, { force: true });
  }
  const timer = setInterval(() => {
    const now = new Date();
    utimes(file, now, now).catch(() => {});
  }, touchEvery);
  timer.unref();
  return {
    async release() {
      clearInterval(timer);
      if ((await readFile(file, 'utf8').catch(() => null)) === content) await rm(file, { force: true });
    },
  };
}

async function isHeld(file: string, held: string): Promise<boolean> {
  const [pid, host] = held.split(' ');
  if (host === hostname() && !isAlive(Number(pid))) return false;
  const touched = await stat(file).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
  return Date.now() - touched < voidAfter;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Somebody else's process is alive too.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
