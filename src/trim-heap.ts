/**
 * Loading a model leaves the thread's JavaScript heap several times as large as what stays in it, and V8 keeps that
 * room for garbage to come. A collection as after a low-memory notice gives it back to the system.
 */
import { Session } from 'node:inspector/promises';

/** About 0.1 s of this thread. Without an inspector in this Node, nothing happens. */
export async function trimHeap(): Promise<void> {
  try {
    const session = new Session();
    session.connect();
    try {
      // chromedevtools.github.io/devtools-protocol/v8/HeapProfiler/#method-collectGarbage
      await session.post('HeapProfiler.collectGarbage');
    } finally {
      session.disconnect();
    }
  } catch {
    // Built without it: the memory comes back later, when it is short.
  }
}
