/** The events of a job in the database: every replica tells the same, whichever works on the job. */
import type { JobEvent, ReadOptions } from '../common/job-event-log.js';
import type { Queries } from '../database/database.js';
import { isDatabaseAway } from '../errors.js';
import type { JobNotices } from './job-notices.js';
import type { FollowedLog } from './jobs.js';

export class SharedEventLog<Event extends JobEvent> implements FollowedLog<Event> {
  constructor(
    private readonly id: string,
    private readonly queries: Queries,
    private readonly notices: JobNotices,
    /** Aborted when this process ends: readers go on elsewhere. */
    private readonly closed: AbortSignal,
  ) {}

  async isOver(after: number): Promise<boolean> {
    const { finished, events } = await this.#after(after);
    return finished && events.length === 0;
  }

  async *read(signal: AbortSignal, options: ReadOptions = {}): AsyncGenerator<readonly Event[]> {
    const { pace = 100, silence = 15_000 } = options;
    let seen = options.after ?? 0;
    let news = true;
    let wake = () => {};
    const stop = this.notices.on(`job ${this.id}`, () => {
      news = true;
      wake();
    });
    /** Until there is news, at most so long. False when time ran out. */
    const wait = (milliseconds: number, even: boolean) =>
      new Promise<boolean>((resolve) => {
        const done = (woken: boolean) => {
          clearTimeout(timer);
          for (const one of [signal, this.closed]) one.removeEventListener('abort', abort);
          wake = () => {};
          resolve(woken);
        };
        const abort = () => done(true);
        const timer = setTimeout(done, milliseconds, false);
        for (const one of [signal, this.closed]) one.addEventListener('abort', abort, { once: true });
        if (even) wake = () => done(true);
        if (signal.aborted || this.closed.aborted || (even && news)) done(true);
      });
    try {
      for (;;) {
        signal.throwIfAborted();
        news = false;
        const { finished, events } = await this.#patiently(seen);
        if (events.length > 0) {
          seen = Number(events.at(-1)?.id);
          yield events;
        }
        if (finished || this.closed.aborted) return;
        if (events.length > 0) await wait(pace, false);
        if (!(await wait(silence, true))) yield [];
      }
    } finally {
      stop();
    }
  }

  /** A database that is away for a moment ends no stream. */
  async #patiently(after: number): Promise<{ finished: boolean; events: Event[] }> {
    try {
      return await this.#after(after);
    } catch (error) {
      if (isDatabaseAway(error)) return { finished: false, events: [] };
      throw error;
    }
  }

  async #after(after: number): Promise<{ finished: boolean; events: Event[] }> {
    const rows = await this.queries.query<{ finished: boolean; event: Event | null }>(
      `SELECT jobs.finished, events.event FROM steerd.jobs jobs
       LEFT JOIN steerd.job_events events ON events.job = jobs.id AND events.id > $2
       WHERE jobs.id = $1 ORDER BY events.id`,
      [this.id, after],
    );
    // A job that is forgotten meanwhile is over.
    return {
      finished: rows[0]?.finished ?? true,
      events: rows.flatMap(({ event }) => (event === null ? [] : [event])),
    };
  }
}
