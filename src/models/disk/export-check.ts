/**
 * Whether an export can be served, told by its graph and configuration alone: what the worker will do at load, without
 * the weights. It runs in a thread of its own, for a graph may be large and a server has other things to do.
 */
import { Worker } from 'node:worker_threads';
import { errors } from '../../errors.js';
import type { ExportOutcome } from './export-check-thread.js';

const script = new URL('./export-check-thread.js', import.meta.url);

/**
 * @param path of the graph in the repository, for the message; here it is `model.onnx` in `folder`
 * @returns the names of its files of weights, as the graph has them
 * @throws SteerdError model_unsupported
 */
export async function readExport(
  repository: string,
  path: string,
  folder: string,
): Promise<readonly string[]> {
  const worker = new Worker(script, { workerData: folder });
  const outcome = await new Promise<ExportOutcome>((resolve, reject) => {
    worker.once('message', resolve).once('error', reject);
    worker.once('exit', () => reject(new Error('the thread that checks an export ended')));
  });
  if ('reason' in outcome) throw errors.pullUnsupported(repository, path, outcome.reason);
  return outcome.weights;
}
