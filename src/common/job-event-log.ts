/**
 * The events of one job, for any number of readers. Newer progress replaces older, so the log stays short. Each reader
 * takes the events after the last one it has read, at its own pace: a slow one holds nobody up and misses only progress
 * that newer progress has replaced.
 */
import type { QueueJob } from './job-task.js';
import { unixSeconds } from './stamps.js';

/** What every event of a job has. */
export interface JobEvent {
  /** Counts up within a job. */
  readonly id: string;
  /** Unix seconds. */
  readonly created_at: number;
}

/** An event before it is logged; distributes over a union of events. */
type Unlogged<Event extends JobEvent> = Event extends Event ? Omit<Event, 'id' | 'created_at'> : never;

export interface ReadOptions {
  /** Id of the last event known: later ones are read. */
  readonly after?: number;
  /** Milliseconds between two batches of events, at least. */
  readonly pace?: number;
  /** Milliseconds without an event after which an empty batch is given, as a sign of life. */
  readonly silence?: number;
}

/** A job's new status as the content of an event; `object` and what else the data has are the log's. */
export const statusOf = <Job extends Pick<QueueJob, 'status' | 'error'>>({ status, error }: Job) =>
  ({
    type: 'status',
    level: error === null ? 'info' : 'error',
    message: error === null ? status : `${status}: ${error.message}`,
    data: { status: status as Job['status'], error: error as Job['error'] },
  }) as const;

/** What is kept of a log. */
export interface KeptEvents<Event extends JobEvent> {
  readonly events: readonly Event[];
  /** Of all events so far, those that others have replaced among them. */
  readonly lastId: number;
}

export class JobEventLog<Event extends JobEvent> {
  #events: Event[];
  #lastId: number;
  #ended = false;
  readonly #readers = new Set<(ended: boolean) => void>();
  #heard: ((event: JobEvent, outdated: readonly JobEvent[]) => void) | null = null;

  /** @param kept what the log goes on after: that of a job that was interrupted */
  constructor({ events, lastId }: KeptEvents<Event> = { events: [], lastId: 0 }) {
    this.#events = [...events];
    this.#lastId = lastId;
  }

  /** What it holds. */
  get kept(): KeptEvents<Event> {
    return { events: this.#events, lastId: this.#lastId };
  }

  /** @param outdates which events so far the new one replaces */
  add(content: Unlogged<Event>, outdates?: (event: Event) => boolean): void {
    const outdated = outdates === undefined ? [] : this.#events.filter(outdates);
    if (outdated.length > 0) this.#events = this.#events.filter((event) => !outdated.includes(event));
    const id = String(++this.#lastId);
    const created_at = unixSeconds();
    const event = { id, created_at, ...content } as unknown as Event;
    this.#events.push(event);
    this.#heard?.(event, outdated);
    for (const wake of [...this.#readers]) wake(this.#ended);
  }

  /** @param hear hears of each event as it is added, with those that it replaces */
  listen(hear: (event: Event, outdated: readonly Event[]) => void): void {
    this.#heard = hear as (event: JobEvent, outdated: readonly JobEvent[]) => void;
  }

  /** Adds the last event: readers end with it. */
  end(content: Unlogged<Event>): void {
    this.#ended = true;
    this.add(content);
  }

  /** No more events come from this process, though the job is not over: readers end, and may go on elsewhere or later. */
  close(): void {
    this.#ended = true;
    for (const wake of [...this.#readers]) wake(true);
  }

  /** Adds what a job tells of its status: the last event, where the job is over. */
  tell(content: Unlogged<Event>, { finished_at }: Pick<QueueJob, 'finished_at'>): void {
    if (finished_at === null) this.add(content);
    else this.end(content);
  }

  /** Whether the log has ended and holds nothing after that event. */
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

  /** Waits for an event that `matters`, until the time is over or the signal is aborted. False when time ran out. */
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

  /** How many readers wait for the next event. */
  get readers(): number {
    return this.#readers.size;
  }
}
