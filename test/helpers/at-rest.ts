/**
 * Memory once a process has nothing to do: what V8 has not collected yet, and what it has not given back, may be as much
 * again as what is held.
 */
import { setTimeout as pause } from 'node:timers/promises';

/** A fall that counts, in bytes. */
const noticeable = 2 ** 20;
/** Seconds without a fall that are a rest. */
const still = 10;
const most = 60;

/**
 * The least of what is read every second until it has not fallen for ten seconds, for a minute at most.
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
