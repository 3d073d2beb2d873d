/**
 * A lock that processes agree on: a file beside what it guards, made only where there is none, with its holder's process
 * and machine, that its holder touches while it works. It is void when its process on this machine is gone, or when nobody
 * touched it for half a minute (a machine that went away, another container). Numbers of processes mean something only to those
 * who see the same: two containers that have the host's name both have a process 1. Where numbers or clocks (one that was set, a
 * laptop that slept) cannot tell, the file is watched: a living holder touches it.
 */
import { randomBytes } from 'node:crypto';
import {
  type FileHandle,
  link,
  mkdir,
  open,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  utimes,
} from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds. */
const usualTimes = { touchEvery: 5_000, voidAfter: 30_000 };
type Times = typeof usualTimes;

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
export async function lockFile(
  file: string,
  held: (who: string) => Error,
  times: Times = usualTimes,
): Promise<FileLock> {
  await mkdir(dirname(file), { recursive: true });
  const content = `${process.pid} ${hostname()} ${randomBytes(8).toString('hex')} ${await processNumbers()}`;
  ours.add(content);
  try {
    await take(file, content, held, times);
  } catch (error) {
    ours.delete(content);
    throw error;
  }
  const lost = new AbortController();
  const touch = async () => {
    const now = new Date();
    // What cannot be read for a moment (no more files may be open, the network is away) is not lost.
    const found = await readFile(file, 'utf8')
      .catch(unlessGone)
      .catch(() => content);
    if (found !== content) lost.abort(held('another process, which took it over'));
    else await utimes(file, now, now).catch(() => {});
  };
  const timer = setInterval(() => void touch(), times.touchEvery);
  timer.unref();
  return {
    lost: lost.signal,
    async release() {
      clearInterval(timer);
      ours.delete(content);
      if ((await readFile(file, 'utf8').catch(() => null)) === content) await rm(file, { force: true });
    },
  };
}

async function take(
  file: string,
  content: string,
  held: (who: string) => Error,
  times: Times,
): Promise<void> {
  for (;;) {
    const made = await open(file, 'wx').catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST' && error.code !== 'ENOENT') throw error;
      return error.code;
    });
    // The folder goes with the last lock in it.
    if (made === 'ENOENT') await mkdir(dirname(file), { recursive: true });
    else if (typeof made === 'object') return await fill(made, file, content);
    const holder = await readFile(file, 'utf8').catch(unlessGone);
    if (holder === null) continue;
    if (await isHeld(file, holder, times)) {
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

/** A full disk takes a name and no content. */
async function fill(made: FileHandle, file: string, content: string): Promise<void> {
  try {
    await made.writeFile(content);
  } catch (error) {
    await rm(file, { force: true });
    throw error;
  } finally {
    await made.close();
  }
}

async function isHeld(file: string, holder: string, times: Times): Promise<boolean> {
  const [pid, host, , numbers] = holder.split(' ');
  const isHere = host === hostname();
  if (isHere && (numbers === undefined || numbers === (await processNumbers()))) {
    // In a container that was killed and started again, the earlier process had this one's number.
    if (Number(pid) === process.pid) return ours.has(holder);
    if (!isAlive(Number(pid))) return false;
    // Alive, or another process that was given its number.
    return (await isFresh(file, times)) || (await isTouched(file, times));
  }
  // The same container after it was killed, or one beside it with the same name.
  if (isHere && Number(pid) === process.pid) return isTouched(file, times);
  return isFresh(file, times);
}

/** No time of a file. */
const gone = 0;

/** When it was touched last; `gone` when it is. */
const touchedAt = (file: string): Promise<number> =>
  stat(file).then(
    ({ mtimeMs }) => mtimeMs,
    () => gone,
  );

const isFresh = async (file: string, { voidAfter }: Times): Promise<boolean> =>
  Date.now() - (await touchedAt(file)) < voidAfter;

/**
 * Whether somebody touches it while it is watched, for a little more than two touches. No clock is asked. One that goes meanwhile
 * was given back: nobody will touch it.
 */
async function isTouched(file: string, { touchEvery }: Times): Promise<boolean> {
  const before = await touchedAt(file);
  let now = before;
  for (let looks = 0; looks < 22 && now === before && now !== gone; looks++) {
    await sleep(touchEvery / 10);
    now = await touchedAt(file);
  }
  return now !== before && now !== gone;
}

/** Which processes' numbers this one sees: Linux's namespace of them; elsewhere all see the same. */
const processNumbers = (): Promise<string> => readlink('/proc/self/ns/pid').catch(() => 'all');

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Somebody else's process is alive too.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
