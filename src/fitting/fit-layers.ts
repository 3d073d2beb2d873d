/**
 * The layers of a fit, side by side in worker threads of one core each, off the thread that serves HTTP. The threads
 * live as long as the call: nothing is left running, however it ends.
 */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { SteerdError } from '../errors.js';
import type { LayerFit, LayerTask } from './fit-layer.js';
import type { LayerReply, LayerThreadData } from './fit-layers-thread.js';

/** Each holds one layer's matrices and ONNX Runtime sessions of its own. */
const mostThreads = 8;

/**
 * Fits the tasks and returns them in their order; `onFit` hears of each as it ends.
 * @throws SteerdError of the first task, in their order, that is refused; the signal's reason when aborted: within
 *   one matrix product, well under a second for a thousand examples.
 */
export async function fitLayers(
  tasks: readonly LayerTask[],
  signal: AbortSignal,
  onFit: (fit: LayerFit) => void = () => {},
): Promise<LayerFit[]> {
  signal.throwIfAborted();
  const stop = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const raise = () => Atomics.store(stop, 0, 1);
  signal.addEventListener('abort', raise, { once: true });
  const fits: LayerFit[] = new Array(tasks.length);
  const failures = new Map<number, Error>();
  let next = 0;
  const work = async () => {
    const thread = new LayerThread({ stop });
    try {
      // Tasks begin in their order: when one fails, all before it have been fitted or are running.
      while (next < tasks.length && failures.size === 0 && !signal.aborted) {
        const index = next++;
        const answer = await thread.ask(tasks[index] as LayerTask);
        if (answer === null) break;
        if (answer instanceof Error) {
          failures.set(index, answer);
          break;
        }
        fits[index] = answer;
        onFit(answer);
      }
    } finally {
      await thread.close();
    }
  };
  const count = Math.min(tasks.length, availableParallelism(), mostThreads);
  try {
    const ends = await Promise.allSettled(Array.from({ length: count }, work));
    signal.throwIfAborted();
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
    const first = Math.min(...failures.keys());
    if (failures.size > 0) throw failures.get(first);
    return fits;
  } finally {
    signal.removeEventListener('abort', raise);
  }
}

/** One worker thread; it fits one task at a time. */
class LayerThread {
  readonly #worker: Worker;
  readonly #ended: Promise<void>;
  #answer: ((answer: LayerFit | Error | null) => void) | null = null;
  #dead: Error | null = null;

  constructor(data: LayerThreadData) {
    this.#worker = new Worker(new URL('./fit-layers-thread.js', import.meta.url), { workerData: data });
    this.#worker.on('message', (reply: LayerReply) => this.#settle(answerOf(reply)));
    this.#worker.on('error', (error: Error) => this.#die(error));
    this.#ended = new Promise((resolve) => {
      this.#worker.once('exit', (code) => {
        this.#die(new Error(`a thread that fits layers ended with code ${code}`));
        resolve();
      });
    });
  }

  /** Null when stopped. */
  ask(task: LayerTask): Promise<LayerFit | Error | null> {
    if (this.#dead !== null) return Promise.resolve(this.#dead);
    return new Promise((resolve) => {
      this.#answer = resolve;
      this.#worker.postMessage(task);
    });
  }

  /** Resolves when the thread is gone. */
  async close(): Promise<void> {
    this.#worker.postMessage(null);
    await this.#ended;
  }

  #settle(answer: LayerFit | Error | null): void {
    this.#answer?.(answer);
    this.#answer = null;
  }

  #die(error: Error): void {
    this.#dead ??= error;
    this.#settle(this.#dead);
  }
}

function answerOf(reply: LayerReply): LayerFit | Error | null {
  if (reply.type === 'fitted') return reply.fit;
  if (reply.type === 'stopped') return null;
  if (reply.type === 'failed') return new Error(reply.message);
  const { code, status, errorType, message, param } = reply.error;
  return new SteerdError(code, status, errorType, message, param);
}
