/**
 * Tokenises long texts beside the thread that serves HTTP. A tokenizer takes up to 25 ms a kilobyte (long words, long
 * runs of spaces), so a prompt of some hundred kilobytes would stop every stream for seconds. The thread is started
 * by the first long text and ends when there was none for a while.
 */
import { Worker } from 'node:worker_threads';
import { errors } from '../errors.js';

export interface EncodeOptions {
  readonly addSpecialTokens?: boolean;
}

export interface EncodeRequest extends EncodeOptions {
  readonly id: number;
  readonly text: string;
}

export interface EncodeReply {
  readonly id: number;
  readonly ids: Uint32Array | null;
  /** Why there are no ids. */
  readonly error: string | null;
}

const idleMilliseconds = 60_000;
const mostWaiting = 64;
const retryAfterSeconds = 5;

interface Waiter {
  resolve(ids: number[]): void;
  reject(error: Error): void;
}

export class TokenizerThread {
  #worker: Worker | null = null;
  readonly #waiting = new Map<number, Waiter>();
  #nextId = 1;
  #idle: NodeJS.Timeout | undefined;

  /** @param directory holds the tokenizer's files, as for `loadTokenizer` */
  constructor(readonly directory: string) {}

  /** @throws SteerdError queue_full */
  encode(text: string, options: EncodeOptions): Promise<number[]> {
    if (this.#waiting.size >= mostWaiting) throw errors.queueFull(mostWaiting, retryAfterSeconds);
    clearTimeout(this.#idle);
    this.#worker ??= this.#start();
    const worker = this.#worker;
    const id = this.#nextId++;
    return new Promise<number[]>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      worker.ref();
      worker.postMessage({ id, text, ...options } satisfies EncodeRequest);
    });
  }

  #start(): Worker {
    const worker = new Worker(new URL('./background-encoder-thread.js', import.meta.url), {
      workerData: this.directory,
    });
    worker.on('message', ({ id, ids, error }: EncodeReply) => {
      const waiter = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (ids !== null) waiter?.resolve(Array.from(ids));
      else waiter?.reject(new Error(error ?? 'the text could not be tokenised'));
      if (this.#waiting.size === 0) this.#rest(worker);
    });
    worker.on('error', (error: Error) => this.#gone(worker, error));
    worker.on('exit', () => this.#gone(worker, new Error('the tokenizer thread ended')));
    return worker;
  }

  /** Nothing to do: the process may end, and after a while the thread does. */
  #rest(worker: Worker): void {
    worker.unref();
    this.#idle = setTimeout(() => {
      if (this.#worker === worker) this.#worker = null;
      void worker.terminate();
    }, idleMilliseconds);
    this.#idle.unref();
  }

  #gone(worker: Worker, error: Error): void {
    if (this.#worker !== worker) return;
    this.#worker = null;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
