/**
 * A lock that processes agree on: a file beside what it guards, made only where there is none, with its holder's process
 * and machine, that its holder touches while it works. It is void when its process on this machine is gone, or when nobody
 * touched it for half a minute (a machine that went away, another container).
 */
import { randomBytes } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';

const touchEvery = 5_000;
const voidAfter = 30_000;

/** The locks that this process has: one with its number that is not among them is of an earlier process. */
const ours = new Set<string>();

export interface FileLock {
  /** Aborted when somebody took the lock over, for this process had slept too long. */
  readonly lost: AbortSignal;
  release(): Promise<void>;
}

/**
 * @param held the error to throw when `who` has the lock: "process 7 on box", or "another process"
 * @throws what `held` makes
 */
export async function lockFile(file: string, held: (who: string) => Error): Promise<FileLock> {
  await mkdir(dirname(file), { recursive: true });
  const content = `${process.pid} ${hostname()} ${randomBytes(8).toString('hex')}`;
  ours.add(content);
  try {
    await take(file, content, held);
  } catch (error) {
    ours.delete(content);
    throw error;
  }
  const isOurs = async () => (await readFile(file, 'utf8').catch(() => null)) === content;
  const lost = new AbortController();
  const touch = async () => {
    const now = new Date();
    if (!(await isOurs())) lost.abort(held('another process, which took it over'));
    else await utimes(file, now, now).catch(() => {});
  };
  const timer = setInterval(() => void touch(), touchEvery);
  timer.unref();
  return {
    lost: lost.signal,
    async release() {
      clearInterval(timer);
      ours.delete(content);
      if (await isOurs()) await rm(file, { force: true });
    },
  };
}

async function take(file: string, content: string, held: (who: string) => Error): Promise<void> {
  for (;;) {
    try {
      await writeFile(file, content, { flag: 'wx' });
      return;
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
    const holder = await readFile(file, 'utf8').catch(unlessGone);
    if (holder === null) continue;
    if (await isHeld(file, holder)) {
      const [pid, host] = holder.split(' ');
      throw held(host ? `process ${pid} on ${host}` : 'another process');
    }
    // Moved away first: of two that find it void, one moves it. What was moved may be the other's new one.
    const aside = `${file}.${randomBytes(4).toString('hex')}.void`;
    await rename(file, aside).catch(unlessGone);
    const moved = await readFile(aside, 'utf8').catch(() => holder);
    if (moved !== holder) await link(aside, file).catch(() => {});
    await rm(aside, { force: true });
  }
}

/** Another process was faster; any other reason would come again for ever. */
function unlessGone(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null;
  throw error;
}

async function isHeld(file: string, holder: string): Promise<boolean> {
  const [pid, host] = holder.split(' ');
  // In a container that was killed and started again, the earlier process had this one's number.
  if (host === hostname() && Number(pid) === process.pid) return ours.has(holder);
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
