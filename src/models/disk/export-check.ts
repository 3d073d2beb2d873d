/**
 * Whether an export can be served, told by its graph and configuration alone: what the worker will do at load, without
 * the weights. It runs in a thread of its own, for a graph may be large and a server has other things to do; and within
 * bounds, for it may come from anybody.
 */
import { Worker } from 'node:worker_threads';
import { errors } from '../../errors.js';
import type { ExportOutcome } from './export-check-thread.js';

const script = new URL('./export-check-thread.js', import.meta.url);

/** Of the thread's heap. A graph of some ten thousand nodes takes a tenth of it. */
const mostMegabytes = 2048;
/** By the clock, on a machine that has other work. Such a graph takes a few. */
const mostSeconds = 300;

/**
 * @param path of the graph in the repository, for the message; here it is `model.onnx` in `folder`
 * @param signal of work that is not wanted any more
 * @returns the names of its files of weights, as the graph has them
 * @throws SteerdError model_unsupported; the signal's reason
 */
export async function readExport(
  repository: string,
  path: string,
  folder: string,
  signal?: AbortSignal,
): Promise<readonly string[]> {
  signal?.throwIfAborted();
  const outcome = await inThread(folder, signal);
  if ('reason' in outcome) throw errors.pullUnsupported(repository, path, outcome.reason);
  return outcome.weights;
}

async function inThread(folder: string, signal: AbortSignal | undefined): Promise<ExportOutcome> {
  const worker = new Worker(script, {
    workerData: folder,
    resourceLimits: { maxOldGenerationSizeMb: mostMegabytes },
  });
  let late: NodeJS.Timeout | undefined;
  let abort = () => {};
  try {
    return await new Promise<ExportOutcome>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', (error: NodeJS.ErrnoException) => {
        if (error.code !== 'ERR_WORKER_OUT_OF_MEMORY') reject(error);
        else resolve({ reason: `reading its graph takes more than ${mostMegabytes} MB of memory` });
      });
      worker.once('exit', () => reject(new Error('the thread that checks an export ended')));
      const tooLate = { reason: `reading its graph takes more than ${mostSeconds} s` };
      late = setTimeout(() => resolve(tooLate), mostSeconds * 1000);
      abort = () => reject(signal?.reason as Error);
      signal?.addEventListener('abort', abort, { once: true });
    });
  } finally {
    clearTimeout(late);
    signal?.removeEventListener('abort', abort);
    await worker.terminate();
  }
}
