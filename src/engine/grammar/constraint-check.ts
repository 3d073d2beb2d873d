/**
 * Whether a constraint compiles, tried in a thread of its own, since a bad one aborts the library. One source at a time, and
 * few wait: a source that nobody waits for any more leaves the queue. Answers are kept. The thread ends when it has been
 * idle for a while.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { untilWorked } from '../../common/thread-time.js';
import { errors } from '../../errors.js';
import type { ConstraintSource } from '../protocol.js';
import type { CheckMessage, CheckSettings } from './constraint-check-thread.js';

/**
 * The longest time a constraint may take to compile, in times of a small grammar, so that a slow machine refuses no more
 * than another one; of the thread's own work, so that a busy one does not either. The model's grammar thread compiles it
 * again, and running constrained answers wait that long, as do the next sources here.
 */
const mostSmallGrammars = 120;
/** Bounds of that time in milliseconds of work. */
const fewestMilliseconds = 2_000;
const mostMilliseconds = 8_000;
const loadMilliseconds = 30_000;
/** For a source that is known to be small. */
const patientMilliseconds = 30_000;
/** How long a source that took too long is refused unread: where only the clock is known, the machine may have been busy. */
const lateMilliseconds = 30_000;
const tooLate = 'it takes too long to compile: make it simpler';
const keptAnswers = 256;
/** Sources that wait while another is compiled. */
const mostWaiting = 32;
const retryAfterSeconds = 5;
const idleMilliseconds = 60_000;

/** A source that is compiled, waits for it, or was. */
interface Asked {
  readonly answer: Promise<string | null>;
  /** Requests that wait for the answer. */
  waiters: number;
  begun: boolean;
}

export class ConstraintCheck {
  readonly #answers = new Map<string, Asked>();
  #waiting = 0;
  #last: Promise<unknown> = Promise.resolve();
  #worker: Worker | null = null;
  #thread: string | null = null;
  #idle: NodeJS.Timeout | null = null;
  #closed = false;
  #milliseconds = mostMilliseconds;

  constructor(readonly settings: CheckSettings) {}

  /**
   * @param signal of a request that no longer waits
   * @throws SteerdError constraint_refused for `field`, with the reason; queue_full; the signal's reason
   */
  async check(source: ConstraintSource, field: string, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const asked = this.#ask(source);
    asked.waiters++;
    let left = () => {};
    const gone = new Promise<never>((_, reject) => {
      left = () => reject(signal?.reason);
    });
    signal?.addEventListener('abort', left, { once: true });
    try {
      const reason = await Promise.race([asked.answer, gone]);
      if (reason !== null) throw errors.constraintRefused(field, reason);
    } finally {
      signal?.removeEventListener('abort', left);
      asked.waiters--;
    }
  }

  #ask(source: ConstraintSource): Asked {
    // A source may have hundreds of kilobytes, and answers are kept for long.
    const key = createHash('sha256').update(JSON.stringify(source)).digest('base64');
    const known = this.#answers.get(key);
    if (known !== undefined) return known;
    if (this.#waiting >= mostWaiting) throw errors.queueFull(mostWaiting, retryAfterSeconds);
    this.#waiting++;
    const turn = this.#last.then(() => {
      this.#waiting--;
      if (asked.waiters === 0) throw errors.clientGone();
      asked.begun = true;
      return this.#compile(source);
    });
    const asked: Asked = { answer: turn, waiters: 0, begun: false };
    this.#last = turn.catch(() => {});
    this.#answers.set(key, asked);
    // After a failure of the thread, or when all who asked have left, there is no answer: the next request asks again.
    const forget = () => {
      if (this.#answers.get(key) === asked) this.#answers.delete(key);
    };
    turn.then((reason) => {
      if (reason === tooLate) setTimeout(forget, lateMilliseconds).unref();
    }, forget);
    for (const [old, { begun }] of [...this.#answers].slice(0, -keptAnswers))
      if (begun) this.#answers.delete(old);
    return asked;
  }

  async #compile(source: ConstraintSource): Promise<string | null> {
    if (this.#idle) clearTimeout(this.#idle);
    if (this.#closed) throw new Error('the model was closed');
    const worker = this.#worker ?? (await this.#start());
    const answer = this.#next(worker, source.small ? patientMilliseconds : this.#milliseconds);
    worker.postMessage(source);
    const reply = await answer;
    if (reply !== null && 'reason' in reply && reply.reason === null) {
      this.#idle = setTimeout(() => void this.#end(), idleMilliseconds).unref();
      return null;
    }
    // A library instance that has aborted must not be used again.
    await this.#end();
    if (reply === null) return tooLate;
    return 'reason' in reply ? reply.reason : 'it did not compile';
  }

  async #start(): Promise<Worker> {
    const worker = new Worker(new URL('./constraint-check-thread.js', import.meta.url), {
      workerData: this.settings,
      stderr: true,
      stdout: true,
    });
    worker.unref();
    worker.on('error', () => {});
    this.#worker = worker;
    const reply = await this.#next(worker, loadMilliseconds);
    if (reply !== null && 'ready' in reply) {
      this.#thread = reply.thread;
      const most = Math.max(fewestMilliseconds, mostSmallGrammars * reply.ready);
      this.#milliseconds = Math.min(mostMilliseconds, most);
      return worker;
    }
    await this.#end();
    throw new Error('the grammar library did not load');
  }

  /** The thread's next message; null when it ends or works too long. */
  async #next(worker: Worker, milliseconds: number): Promise<CheckMessage | null> {
    const over = new AbortController();
    const { signal } = over;
    try {
      return await Promise.race([
        once(worker, 'message', { signal }).then(([answer]) => answer as CheckMessage),
        once(worker, 'exit', { signal }).then(() => null),
        untilWorked(this.#thread, milliseconds, signal).then(() => null),
      ]);
    } catch {
      return null;
    } finally {
      over.abort();
    }
  }

  async #end(): Promise<void> {
    const worker = this.#worker;
    this.#worker = null;
    this.#thread = null;
    await worker?.terminate();
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#idle) clearTimeout(this.#idle);
    await this.#end();
  }
}
