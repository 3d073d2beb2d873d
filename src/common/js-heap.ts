/**
 * Shrinks a thread's JavaScript heap after a model was loaded. Loading leaves the heap several times as large as the
 * objects that stay in it, and V8 keeps that room for later allocations; a full garbage collection, as V8 does it when
 * memory is low, gives it back to the operating system.
 */
import { Session } from 'node:inspector/promises';
import { getHeapStatistics } from 'node:v8';

/** Growth below which no collection is worth its time: small models are loaded and unloaded often. */
const worthwhileBytes = 8 * 1024 ** 2;

const heapBytes = () => getHeapStatistics().total_heap_size;

/** Size of this thread's heap after the last collection here. */
let collectedBytes = heapBytes();
let collecting: Promise<void> | null = null;

/**
 * Collects this thread's garbage if its heap has grown by 8 MiB or more since the last time; blocks the thread for up
 * to 0.1 s. Calls during a collection share it. Does nothing in a Node built without the inspector.
 */
export function shrinkJsHeap(): Promise<void> {
  if (heapBytes() - collectedBytes < worthwhileBytes) return Promise.resolve();
  collecting ??= collectGarbage().finally(() => {
    collectedBytes = heapBytes();
    collecting = null;
  });
  return collecting;
}

async function collectGarbage(): Promise<void> {
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
    // Node was built without the inspector: V8 gives the memory back when it runs short.
  }
}
