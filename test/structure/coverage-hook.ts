/**
 * Loaded into every thread of a server by `--import` (journey.ts): when the parent process says "take", each thread
 * tells which files' functions ran since it was last asked, and the main thread passes that on.
 */
import { Session } from 'node:inspector/promises';
import { BroadcastChannel, isMainThread, threadId } from 'node:worker_threads';

/** What one thread ran: compiled files, relative to dist/. Thread 0 is the main one. */
export interface RanFiles {
  readonly thread: number;
  readonly files: readonly string[];
}

const session = new Session();
session.connect();
await session.post('Profiler.enable');
await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });

async function ranFiles(): Promise<RanFiles> {
  const { result } = await session.post('Profiler.takePreciseCoverage');
  const files = result
    .filter(
      ({ url, functions }) =>
        url.includes('/dist/') && !url.includes('/node_modules/') && functions.some(ran),
    )
    .map(({ url }) => url.slice(url.lastIndexOf('/dist/') + '/dist/'.length));
  return { thread: isMainThread ? 0 : threadId, files };
}

/** Whether a function ran; a module's own code, which runs once at its import, does not count. */
function ran({
  functionName,
  ranges,
}: {
  functionName: string;
  ranges: { startOffset: number; count: number }[];
}) {
  const [whole] = ranges;
  return whole !== undefined && whole.count > 0 && !(functionName === '' && whole.startOffset === 0);
}

const channel = new BroadcastChannel('journey') as BroadcastChannel & { unref(): void };
channel.unref();
if (isMainThread) {
  channel.onmessage = (event) => process.send?.((event as { data: RanFiles }).data);
  process.on('message', async (message) => {
    if (message !== 'take') return;
    channel.postMessage('take');
    process.send?.(await ranFiles());
  });
} else {
  channel.onmessage = async (event) => {
    if ((event as { data: unknown }).data === 'take') channel.postMessage(await ranFiles());
  };
}
