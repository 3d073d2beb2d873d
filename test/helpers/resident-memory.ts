/** What memory a server's process has, and what is left of it at rest. */
import { setTimeout as pause } from 'node:timers/promises';

/** Bytes, as the server tells them. @param headers of a key that may read metrics, where keys are asked for */
export async function residentBytes(url: string, headers: Record<string, string> = {}): Promise<number> {
  const text = await (await fetch(`${url}/metrics`, { headers })).text();
  return Number(/^process_resident_memory_bytes (\S+)$/m.exec(text)?.[1]);
}

/** A fall that counts, in bytes. */
const noticeable = 2 ** 20;
/** Seconds without a fall that are a rest. */
const still = 10;
const most = 60;

/**
 * What V8 has not collected yet, and what a process has not given back, may be as much again as what it holds: the least of what
 * is read every second until it has not fallen for ten seconds, for a minute at most.
 * @param read bytes
 */
export async function leastAtRest(read: () => number | Promise<number>): Promise<number> {
  let least = await read();
  for (let second = 1, fell = 0; second <= most && second - fell <= still; second++) {
    await pause(1000);
    const now = await read();
    if (now < least - noticeable) fell = second;
    least = Math.min(least, now);
  }
  return least;
}
