/** Waits for a promise no longer than a time limit or an abort signal allows. */

/** Milliseconds: the longest delay that setTimeout takes; with a longer one it fires at once. */
export const longestTimer = 2 ** 31 - 1;

export interface Bounds {
  /** The time limit. */
  readonly milliseconds: number;
  /** Makes the error that is thrown when the time is over. */
  readonly late: () => Error;
  /** The first that aborts ends the wait; none may be aborted at the call. */
  readonly signals: readonly (AbortSignal | undefined)[];
}

/**
 * The result of `work`, unless a bound is reached first. That ends the wait only: `work` itself goes on.
 * @throws what `work` throws, what `late` makes, or the reason of the signal that was aborted
 */
export function within<T>(work: Promise<T>, { milliseconds, late, signals }: Bounds): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const ended = () => {
      clearTimeout(timer);
      for (const signal of signals) signal?.removeEventListener('abort', abort);
    };
    const abort = () => {
      ended();
      reject(signals.find((signal) => signal?.aborted)?.reason as Error);
    };
    const timer = setTimeout(
      () => {
        ended();
        reject(late());
      },
      Math.min(Math.max(0, milliseconds), longestTimer),
    );
    for (const signal of signals) signal?.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(ended);
  });
}
