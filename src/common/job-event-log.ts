/**
 * What happened in one job, for any number of readers. Of a kind of progress only the newest is kept, so the log stays
 * short; a reader takes what is new since it last looked, at its own pace, and is nothing but a number here: slow
 * ones hold nothing up and miss nothing but old progress.
 */
import { unixSeconds } from './stamps.js';

/** What every event of a job has. */
export interface JobEvent {
  /** Counts up within a job. */
  readonly id: string;
  /** Unix seconds. */
  readonly created_at: number;
}

/** An event before it is logged, for each kind of event by itself. */
export type Unlogged<Event extends JobEvent> = Event extends Event ? Omit<Event, 'id' | 'created_at'> : never;

export interface ReadOptions {
  /** The last event known: what came after it is read. */
  readonly after?: number;
  /** Milliseconds between two batches of events, at least. */
  readonly pace?: number;
  /** Milliseconds without an event after which an empty batch says that the job lives. */
  readonly silence?: number;
}

export class JobEventLog<Event extends JobEvent> {
  #events: Event[] = [];
  #lastId = 0;
  #ended = false;
  readonly #readers = new Set<(ended: boolean) => void>();

  /** @param outdates which of the events so far need not be kept any more */
  add(content: Unlogged<Event>, outdates?: (event: Event) => boolean): void {
    if (outdates !== undefined) this.#events = this.#events.filter((event) => !outdates(event));
    const id = String(++this.#lastId);
    const created_at = unixSeconds();
    this.#events.push({ id, created_at, ...content } as unknown as Event);
    for (const wake of [...this.#readers]) wake(this.#ended);
  }

  /** Adds the last event: readers end with it. */
  end(content: Unlogged<Event>): void {
    this.#ended = true;
    this.add(content);
  }

  /** Whether nothing is left to read after that event, now or later. */
  isOver(after: number): boolean {
    return this.#ended && after >= this.#lastId;
  }

  /**
   * What happened so far, then what happens, in batches; it ends with the job.
   * @throws the signal's reason when aborted.
   */
  async *read(signal: AbortSignal, options: ReadOptions = {}): AsyncGenerator<readonly Event[]> {
    const { pace = 100, silence = 15_000 } = options;
    let seen = options.after ?? 0;
    while (!this.isOver(seen)) {
      signal.throwIfAborted();
      const fresh = this.#events.filter(({ id }) => Number(id) > seen);
      if (fresh.length > 0) {
        seen = Number(fresh.at(-1)?.id);
        yield fresh;
        if (!this.#ended) await this.#wait(signal, pace, (ended) => ended);
      } else if (!(await this.#wait(signal, silence, () => true))) yield [];
    }
  }

  /** Waits for an event that `matters`, at most so long, and no longer than the signal. False when time ran out. */
  #wait(signal: AbortSignal, milliseconds: number, matters: (ended: boolean) => boolean): Promise<boolean> {
    return new Promise((resolve) => {
      const done = (woken: boolean) => {
        clearTimeout(timer);
        this.#readers.delete(wake);
        signal.removeEventListener('abort', abort);
        resolve(woken);
      };
      const wake = (ended: boolean) => {
        if (matters(ended)) done(true);
      };
      const abort = () => done(true);
      const timer = setTimeout(done, milliseconds, false);
      this.#readers.add(wake);
      signal.addEventListener('abort', abort, { once: true });
      if (signal.aborted) done(true);
    });
  }

  /** How many wait for what comes next. */
  get readers(): number {
    return this.#readers.size;
  }
}
