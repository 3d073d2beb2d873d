/**
 * Whether a constraint compiles, tried in a thread of its own, since a bad one aborts the library. One source at a time;
 * answers are kept. The thread ends when it has been idle for a while.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { errors } from '../../errors.js';
import type { ConstraintSource } from '../protocol.js';
import type { CheckMessage, CheckSettings } from './constraint-check-thread.js';

/**
 * The longest time a constraint may take to compile, in times of a small grammar, so that a slow or busy machine refuses
 * no more than another one. The model's grammar thread compiles it again, and running constrained answers wait that
 * long, as do the next sources here.
 */
const mostSmallGrammars = 120;
/** Bounds of that time in milliseconds. */
const fewestMilliseconds = 2_000;
const mostMilliseconds = 8_000;
const loadMilliseconds = 30_000;
/** For a source that is known to be small. */
const patientMilliseconds = 30_000;
/** How long a source that took too long is refused unread: the machine may have been busy. */
const lateMilliseconds = 30_000;
const tooLate = 'it takes too long to compile: make it simpler';
const keptAnswers = 256;
const idleMilliseconds = 60_000;

export class ConstraintCheck {
  readonly #answers = new Map<string, Promise<string | null>>();
  #last: Promise<unknown> = Promise.resolve();
  #worker: Worker | null = null;
  #idle: NodeJS.Timeout | null = null;
  #closed = false;
  #milliseconds = mostMilliseconds;

  constructor(readonly settings: CheckSettings) {}

  /** @throws SteerdError invalid_value for `field`, with the reason. */
  async check(source: ConstraintSource, field: string): Promise<void> {
    const key = JSON.stringify(source);
    let answer = this.#answers.get(key);
    if (answer === undefined) {
      answer = this.#last.then(() => this.#compile(source));
      this.#last = answer.catch(() => {});
      this.#answers.set(key, answer);
      // After a failure of the thread, which is no answer, the next request tries again.
      answer.catch(() => this.#answers.delete(key));
      const kept = answer;
      kept.then(
        (reason) => {
          if (reason !== tooLate) return;
          setTimeout(() => {
            if (this.#answers.get(key) === kept) this.#answers.delete(key);
          }, lateMilliseconds).unref();
        },
        () => {},
      );
      for (const old of [...this.#answers.keys()].slice(0, -keptAnswers)) this.#answers.delete(old);
    }
    const reason = await answer;
    if (reason !== null) throw errors.constraintRefused(field, reason);
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
      const most = Math.max(fewestMilliseconds, mostSmallGrammars * reply.ready);
      this.#milliseconds = Math.min(mostMilliseconds, most);
      return worker;
    }
    await this.#end();
    throw new Error('the grammar library did not load');
  }

  /** The thread's next message; null when it ends or takes too long. */
  async #next(worker: Worker, milliseconds: number): Promise<CheckMessage | null> {
    const timer = new AbortController();
    const timeout = setTimeout(() => timer.abort(), milliseconds);
    const { signal } = timer;
    try {
      return await Promise.race([
        once(worker, 'message', { signal }).then(([answer]) => answer as CheckMessage),
        once(worker, 'exit', { signal }).then(() => null),
      ]);
    } catch {
      return null;
    } finally {
      clearTimeout(timeout);
      timer.abort();
    }
  }

  async #end(): Promise<void> {
    const worker = this.#worker;
    this.#worker = null;
    await worker?.terminate();
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#idle) clearTimeout(this.#idle);
    await this.#end();
  }
}
