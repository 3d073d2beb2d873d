/**
 * Reads the vectors of an upload: short files at once, others in a thread of their own, for a GGUF file or JSON of some
 * megabytes takes seconds and memory that must not stop all streams. One is read at a time, and few wait; a client that
 * leaves ends its thread, or its waiting.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { errors, SteerdError } from '../errors.js';
import type { Concept } from './concept.js';
import { conceptOfFile, type VectorFile } from './vector-file.js';
import type { ReadReply } from './vector-reader-thread.js';

/** Read within some milliseconds. */
export const shortFile = 256 * 1024;
const mostWaiting = 8;
const retryAfterSeconds = 5;
const mostSeconds = 60;
/** Of the thread's heap: many times of what the largest JSON of a concept takes. */
const heapMegabytes = 1024;

let last: Promise<unknown> = Promise.resolve();
let waiting = 0;

/**
 * @param signal of a client that no longer waits
 * @throws SteerdError what `conceptOfFile` throws; queue_full; vectors_invalid for what takes too long or too much memory
 */
export async function readVectors(file: VectorFile, signal: AbortSignal): Promise<Concept> {
  if (file.bytes.length <= shortFile) return conceptOfFile(file);
  if (waiting >= mostWaiting) throw errors.queueFull(mostWaiting, retryAfterSeconds);
  waiting++;
  const turn = last.then(() => {
    signal.throwIfAborted();
    return inThread(file, signal);
  });
  last = turn.catch(() => {}).then(() => waiting--);
  return turn;
}

async function inThread(file: VectorFile, signal: AbortSignal): Promise<Concept> {
  const worker = new Worker(new URL('./vector-reader-thread.js', import.meta.url), {
    workerData: file,
    resourceLimits: { maxOldGenerationSizeMb: heapMegabytes },
  });
  worker.on('error', () => {});
  const late = AbortSignal.timeout(mostSeconds * 1000);
  const over = AbortSignal.any([signal, late]);
  try {
    const reply = await Promise.race([
      once(worker, 'message', { signal: over }).then(([message]) => message as ReadReply),
      once(worker, 'exit', { signal: over }).then(() => null),
    ]);
    if (reply === null) throw errors.vectorsInvalid('file of', 'it takes too much memory to read');
    if ('concept' in reply) return reply.concept;
    const { code, status, type, message, param } = reply.refused;
    throw new SteerdError(code, status, type, message, param);
  } catch (error) {
    signal.throwIfAborted();
    if (late.aborted) throw errors.vectorsInvalid('file of', `it takes more than ${mostSeconds} s to read`);
    throw error;
  } finally {
    await worker.terminate();
  }
}
