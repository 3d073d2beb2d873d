/** Long computations on the HTTP thread, cut into pieces so that requests are served in between. */
import { setImmediate as nextTurn } from 'node:timers/promises';

/**
 * Makes a function to await between pieces of work, each well under 50 ms: it gives the event loop a turn once
 * `milliseconds` have passed since the last one, and throws the signal's reason when aborted.
 */
export function periodicYield(signal: AbortSignal, milliseconds = 10): () => Promise<void> {
  let last = performance.now();
  return async () => {
    signal.throwIfAborted();
    if (performance.now() - last < milliseconds) return;
    await nextTurn();
    last = performance.now();
    signal.throwIfAborted();
  };
}
