/**
 * One pull of a model at a time, over all processes that share a models directory. The lock is a file that its
 * holder touches while it works: it is void when its process on this machine is gone, or when nobody touched it for
 * half a minute (a machine that went away, another container).
 */
import { randomBytes } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { errors } from '../../errors.js';

const touchEvery = 5_000;
const voidAfter = 30_000;

export interface PullLock {
  /** Aborted when somebody took the lock over, for this process had slept too long. */
  readonly lost: AbortSignal;
  release(): Promise<void>;
}

/**
 * @param name of the model, for the message
 * @throws SteerdError pull_running
 */
export async function lockPull(file: string, name: string): Promise<PullLock> {
  await mkdir(dirname(file), { recursive: true });
  const content = `${process.pid} ${hostname()} ${randomBytes(8).toString('hex')}`;
  for (;;) {
    try {
      await writeFile(file, content, { flag: 'wx' });
      break;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // The folder goes with the last lock in it.
      if (code === 'ENOENT') await mkdir(dirname(file), { recursive: true });
      else if (code !== 'EEXIST') {
        // A full disk takes a name and no content.
        await rm(file, { force: true });
        throw error;
      }
    }
    const held = await readFile(file, 'utf8').catch(() => null);
    if (held === null) continue;
    if (await isHeld(file, held)) {
      const [pid, host] = held.split(' ');
      throw errors.pullRunning(name, host ? `process ${pid} on ${host}` : 'another process');
    }
    // Moved away first: of two that find it void, one moves it. What was moved may be the other's new one.
    const aside = `${file}.${randomBytes(4).toString('hex')}.void`;
    await rename(file, aside).catch(() => {});
    const moved = await readFile(aside, 'utf8').catch(() => held);
    if (moved !== held) await link(aside, file).catch(() => {});
    await rm(aside, { force: true });
  }
  const isOurs = async () => (await readFile(file, 'utf8').catch(() => null)) === content;
  const lost = new AbortController();
  const touch = async () => {
    const now = new Date();
    if (!(await isOurs())) lost.abort(errors.pullRunning(name, 'another process, which took it over'));
    else await utimes(file, now, now).catch(() => {});
  };
  const timer = setInterval(() => void touch(), touchEvery);
  timer.unref();
  return {
    lost: lost.signal,
    async release() {
      clearInterval(timer);
      if (await isOurs()) await rm(file, { force: true });
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
