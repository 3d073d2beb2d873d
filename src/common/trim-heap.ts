/**
 * Loading a model leaves the thread's JavaScript heap several times as large as what stays in it, and V8 keeps that
 * room for garbage to come. A collection as after a low-memory notice gives it back to the system.
 */
import { Session } from 'node:inspector/promises';
import { getHeapStatistics } from 'node:v8';

/** Less is not worth the time: small models come and go often. */
const worthwhileBytes = 8 * 1024 ** 2;

const heapBytes = () => getHeapStatistics().total_heap_size;

/** Of this thread's heap, when it was last as small as it gets. */
let trimmed = heapBytes();
let running: Promise<void> | null = null;

/** Up to 0.1 s of this thread if its heap has grown much. Without an inspector in this Node, nothing happens. */
export function trimHeap(): Promise<void> {
  if (heapBytes() - trimmed < worthwhileBytes) return Promise.resolve();
  running ??= collect().finally(() => {
    trimmed = heapBytes();
    running = null;
  });
  return running;
}

async function collect(): Promise<void> {
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
