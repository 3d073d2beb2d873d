/**
 * The page of a run as it is now, made for who asks; nothing is written. In a thread of its own, for thousands of resamplings of 512
 * concepts take seconds, which no stream must wait for.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { errors } from '../../errors.js';
import type { RunKeeping } from '../run-keeping.js';

/**
 * @param signal of a client that no longer waits: it ends the thread
 * @throws SteerdError benchmark_not_found; what is wrong with the files, as an Error; the signal's reason
 */
export function reportPage(
  runs: Pick<RunKeeping, 'withFolder'>,
  id: string,
  signal: AbortSignal,
): Promise<string> {
  return runs.withFolder(id, (folder) => pageOf(folder, id, signal));
}

async function pageOf(folder: string, id: string, signal: AbortSignal): Promise<string> {
  const worker = new Worker(new URL('./page-thread.js', import.meta.url), { workerData: folder });
  try {
    const [page] = (await once(worker, 'message', { signal })) as [string | null];
    if (page === null) throw errors.benchmarkNotFound(id);
    return page;
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    await worker.terminate();
  }
}
