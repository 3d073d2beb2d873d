/** Waits for a promise no longer than a time limit or an abort signal allows. */

/** Milliseconds: the longest delay that setTimeout takes; with a longer one it fires at once. */
export const longestTimer = 2 ** 31 - 1;

interface Bounds {
  /** The time limit. */
  readonly milliseconds: number;
  /** Makes the error that is thrown when the time is over. */
  readonly late: () => Error;
  /** The first that aborts ends the wait. */
  readonly signals: readonly (AbortSignal | undefined)[];
}

/**
 * The result of `work`, unless a bound is reached first: then the wait ends and the signal given to `work` aborts. Work
 * that ignores the signal goes on.
 * @throws what `work` throws, what `late` makes, or the reason of the signal that was aborted
 */
export async function within<T>(
  work: (over: AbortSignal) => Promise<T>,
  { milliseconds, late, signals }: Bounds,
): Promise<T> {
  for (const signal of signals) signal?.throwIfAborted();
  const over = new AbortController();
  const timer = setTimeout(() => over.abort(late()), Math.min(Math.max(0, milliseconds), longestTimer));
  const unlisten = signals.map((signal) => {
    const abort = () => over.abort(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
    return () => signal?.removeEventListener('abort', abort);
  });
  try {
    return await new Promise<T>((resolve, reject) => {
      over.signal.addEventListener('abort', () => reject(over.signal.reason as Error), { once: true });
      work(over.signal).then(resolve, reject);
    });
  } finally {
    clearTimeout(timer);
    for (const stop of unlisten) stop();
  }
}

/** Whether `work` comes to an end, well or badly, within that time. It goes on either way, and fails unheard if it is late. */
export function settlesWithin(work: Promise<unknown>, milliseconds: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds, false);
    const settled = () => {
      clearTimeout(timer);
      resolve(true);
    };
    work.then(settled, settled);
  });
}
