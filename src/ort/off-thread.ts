/** Runs slow C calls on koffi's thread pool, so that they do not block the event loop. */
import type { Handle } from './library.js';

/** What the calls in progress read or write. koffi protects only the callback from garbage collection. */
const inUse = new Set<readonly unknown[]>();

/**
 * Starts a call and resolves with its status.
 * @param kept what must not be garbage-collected before the call has ended
 */
export async function offThread(
  kept: readonly unknown[],
  start: (done: (error: Error | null, status: Handle | null) => void) => void,
): Promise<Handle | null> {
  inUse.add(kept);
  try {
    return await new Promise((resolve, reject) => {
      start((error, status) => (error ? reject(error) : resolve(status)));
    });
  } finally {
    inUse.delete(kept);
  }
}
