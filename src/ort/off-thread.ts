/** C calls that run on koffi's thread pool, so that a slow one leaves the event loop free. */
import type { Handle } from './library.js';

/** What calls in progress read or write: koffi itself keeps only the callback from being collected. */
const inUse = new Set<readonly unknown[]>();

/**
 * Starts a call and resolves with its status.
 * @param kept stays reachable until the call has ended.
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
