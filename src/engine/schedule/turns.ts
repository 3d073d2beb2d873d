/**
 * What one turn of the worker's loop computes: short prompts, a chunk of a longer one or of a read, then one decode step
 * of all running sequences. Prompts and reads alternate, so between two of its tokens a stream waits for one of them at
 * most.
 */
import type { Priority } from '../protocol.js';
import { paddedLength } from './chunks.js';
import type { Pace } from './pace.js';
import type { NextRead, QueuedRead, ReadQueue } from './read-queue.js';
import type { Plan, Prefill, Scheduler } from './scheduler.js';

/** How much longer than a step of background work the streams then work before the next such step may run. */
const streamTime = 2;

/**
 * Divides the time between streams (interactive work) and background work. After a step of background work, work for
 * streams, their prompts and decode steps, must take `streamTime` times as long before the next one may run. So a fit
 * costs streams about a third of their speed, however many prompts arrive; without streams, background work has all the
 * time.
 */
export class TimeShare {
  /** Milliseconds of work for streams before background work may run again. */
  #owed = 0;

  /** Whether a step of background work may run. */
  get backgroundMayRun(): boolean {
    return this.#owed <= 0;
  }

  backgroundTook(milliseconds: number): void {
    this.#owed += streamTime * milliseconds;
  }

  streamsTook(milliseconds: number): void {
    this.#owed = Math.max(0, this.#owed - milliseconds);
  }

  /** There are no streams now. */
  streamsEnded(): void {
    this.#owed = 0;
  }
}

/** Of `prefill` and `read` at least one is null. */
interface Turn<Read> extends Plan {
  readonly read: NextRead<Read> | null;
  /** Whose time the decode step is: interactive when there are streams, whatever else is in the batch. */
  readonly decodePriority: Priority;
}

export class Turns<Read extends QueuedRead> {
  readonly #share = new TimeShare();
  #readsNext = false;

  constructor(
    readonly scheduler: Scheduler,
    readonly reads: ReadQueue<Read>,
    readonly pace: Pace,
  ) {}

  /** What to compute now. */
  next(): Turn<Read> {
    const { streaming } = this.scheduler;
    if (!streaming) this.#share.streamsEnded();
    const { backgroundMayRun } = this.#share;
    const limits = this.pace.limits(this.scheduler.holdsUp);
    const { moves, prefill, decode } = this.scheduler.plan(backgroundMayRun, limits);
    const first = this.reads.next();
    const read = first && (first.urgent || backgroundMayRun) ? first : null;
    const decodePriority = streaming ? 'interactive' : 'background';
    const readNow = read !== null && (prefill === null || this.#readsNext);
    if (readNow) this.#readsNext = false;
    else if (prefill) this.#readsNext = true;
    return { moves, prefill: readNow ? null : prefill, read: readNow ? read : null, decode, decodePriority };
  }

  /** Reads prompts, and learns how long that takes. */
  read({ chunks, whole }: Prefill, work: () => void): void {
    const heldUp = this.scheduler.holdsUp;
    const start = performance.now();
    this.timed(chunks[0]?.sequence.request.priority ?? 'background', work);
    const longest = Math.max(...chunks.map(({ from, to }) => to - from));
    const tokens = chunks.length * (whole ? paddedLength(longest) : longest);
    this.pace.promptsTook(tokens, performance.now() - start, heldUp && !whole);
  }

  /** Computes a decode step, and learns how long that takes. */
  decode(priority: Priority, work: () => void): void {
    const start = performance.now();
    this.timed(priority, work);
    if (this.scheduler.holdsUp) this.pace.decodeTook(performance.now() - start);
  }

  /** Does work of this priority and counts its time. */
  timed<T>(priority: Priority, work: () => T): T {
    const start = performance.now();
    const result = work();
    const took = performance.now() - start;
    if (priority === 'interactive') this.#share.streamsTook(took);
    else this.#share.backgroundTook(took);
    return result;
  }
}
