/**
 * How long a thread has worked, in time of the processor: what a limit on work counts, since beside other work the clock
 * runs while the thread waits for its turn. Linux tells it; elsewhere the clock has to do.
 */
import { readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

/** How many times as long as allowed the clock may run: a thread that waits for ever does not work. */
const mostStretched = 10;
/** Milliseconds between looks when hardly any time is left. */
const shortestPause = 20;

/** The thread that calls this, as other threads of the process may ask about it; null where the system does not tell. */
export function thisThread(): string | null {
  try {
    return `/proc/${readlinkSync('/proc/thread-self')}`;
  } catch {
    return null;
  }
}

/** Milliseconds that the thread has worked since it began, or the clock's where nobody tells (it has ended, or is null). */
export function workedMilliseconds(thread: string | null): number {
  if (thread === null) return performance.now();
  try {
    return Number(readFileSync(`${thread}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
  } catch {
    return performance.now();
  }
}

/** Resolves when the thread has worked so long from now on, or the clock has run ten times as long; rejects when `signal` aborts. */
export async function untilWorked(
  thread: string | null,
  milliseconds: number,
  signal: AbortSignal,
): Promise<void> {
  const end = workedMilliseconds(thread) + milliseconds;
  const latest = performance.now() + milliseconds * mostStretched;
  for (;;) {
    const left = Math.min(end - workedMilliseconds(thread), latest - performance.now());
    if (left <= 0) return;
    // A thread cannot have worked longer than the clock ran.
    await pause(Math.max(left, shortestPause), undefined, { signal });
  }
}
