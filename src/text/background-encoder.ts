/**
 * Encodes long texts in a thread of its own. A tokenizer takes up to 25 ms a kilobyte (long words, long runs of
 * spaces), so a prompt of some hundred kilobytes would stop all streams for seconds if the HTTP thread encoded it. The
 * first text starts the thread; without work for a minute the thread ends.
 */
import { Worker } from 'node:worker_threads';
import { errors } from '../errors.js';
import type { EncodeReply, EncodeRequest } from './background-encoder-thread.js';
import type { EncodeOptions } from './tokenizer.js';

const idleMilliseconds = 60_000;
const mostWaiting = 64;
const retryAfterSeconds = 5;

interface Waiter {
  resolve(ids: number[]): void;
  reject(error: Error): void;
}

export class BackgroundEncoder {
  #worker: Worker | null = null;
  readonly #waiting = new Map<number, Waiter>();
  #nextId = 1;
  #idle: NodeJS.Timeout | undefined;

  /** @param directory of the tokenizer's files, as for `readTokenizer` */
  constructor(readonly directory: string) {}

  /** Token ids, as `Tokenizer.encode` gives them. @throws SteerdError queue_full when 64 texts are waiting. */
  encode(text: string, options: EncodeOptions = {}): Promise<number[]> {
    if (this.#waiting.size >= mostWaiting) throw errors.queueFull(mostWaiting, retryAfterSeconds);
    clearTimeout(this.#idle);
    this.#worker ??= this.#start();
    const worker = this.#worker;
    const id = this.#nextId++;
    return new Promise<number[]>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      worker.ref();
      worker.postMessage({ id, text, options } satisfies EncodeRequest);
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
      if (this.#waiting.size === 0) this.#becomeIdle(worker);
    });
    worker.on('error', (error: Error) => this.#fail(worker, error));
    worker.on('exit', () => this.#fail(worker, new Error('the tokenizer thread ended')));
    return worker;
  }

  /** An idle thread does not keep the process alive, and ends after a while. */
  #becomeIdle(worker: Worker): void {
    worker.unref();
    this.#idle = setTimeout(() => {
      if (this.#worker === worker) this.#worker = null;
      void worker.terminate();
    }, idleMilliseconds);
    this.#idle.unref();
  }

  #fail(worker: Worker, error: Error): void {
    if (this.#worker !== worker) return;
    this.#worker = null;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
