/** Waiting that ends: when the work is done, when it takes too long, when somebody gives up. */

/** Milliseconds; a longer timer would fire at once. */
export const longestTimer = 2 ** 31 - 1;

export interface Bounds {
  readonly milliseconds: number;
  /** What is thrown when they have passed. */
  readonly late: () => Error;
  /** Any of them ends the waiting with its reason; none is aborted yet. */
  readonly signals: readonly (AbortSignal | undefined)[];
}

/** The work itself goes on, whatever ends the waiting for it. */
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
