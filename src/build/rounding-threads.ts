/**
 * Rounds weights on all cores, off the thread that serves HTTP. Small pieces are rounded at once, where they are: a thread
 * would take longer to begin. The threads live until they are closed.
 */
import { Worker } from 'node:worker_threads';
import { chooseThreads } from '../common/threads.js';
import { type RoundedRows, roundRows, type StoredRows } from './round-rows.js';

/** The disk would not keep up with more. */
const mostThreads = 8;
/** Bytes from which on a piece is worth sending. */
const worthSending = 256 * 1024;

const script = new URL('./rounding-thread.js', import.meta.url);

export class RoundingThreads {
  readonly #idle: RoundingThread[] = [];
  readonly #all: RoundingThread[] = [];
  readonly #waiting: ((thread: RoundingThread) => void)[] = [];

  /** @param most threads at once; as many as cores when left out */
  constructor(readonly most: number = Math.min(chooseThreads(0), mostThreads)) {}

  /**
   * @param rows whose bytes are given away
   * @returns null when a value is no number
   */
  async round(rows: StoredRows): Promise<RoundedRows | null> {
    if (rows.raw.length < worthSending) return roundRows(rows);
    const thread = await this.#free();
    try {
      return await thread.round(rows);
    } finally {
      const next = this.#waiting.shift();
      if (next) next(thread);
      else this.#idle.push(thread);
    }
  }

  /** Ends what is being rounded, too. */
  async close(): Promise<void> {
    await Promise.all(this.#all.map((thread) => thread.close()));
  }

  #free(): RoundingThread | Promise<RoundingThread> {
    const idle = this.#idle.pop();
    if (idle) return idle;
    if (this.#all.length === this.most) return new Promise((resolve) => this.#waiting.push(resolve));
    const thread = new RoundingThread();
    this.#all.push(thread);
    return thread;
  }
}

/** One thread, which rounds one piece at a time. */
class RoundingThread {
  readonly #worker = new Worker(script);
  #answer: { resolve(made: RoundedRows | null): void; reject(error: Error): void } | null = null;
  #dead: Error | null = null;

  constructor() {
    this.#worker.on('message', (made: RoundedRows | null) => {
      this.#answer?.resolve(made);
      this.#answer = null;
    });
    this.#worker.on('error', (error: Error) => this.#die(error));
    this.#worker.once('exit', () => this.#die(new Error('a thread that rounds weights ended')));
  }

  round(rows: StoredRows): Promise<RoundedRows | null> {
    if (this.#dead !== null) return Promise.reject(this.#dead);
    return new Promise((resolve, reject) => {
      this.#answer = { resolve, reject };
      this.#worker.postMessage(rows, [rows.raw.buffer as ArrayBuffer]);
    });
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #die(error: Error): void {
    this.#dead ??= error;
    this.#answer?.reject(this.#dead);
    this.#answer = null;
  }
}
