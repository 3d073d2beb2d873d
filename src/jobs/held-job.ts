/**
 * A job that this process took from the database: it writes what happens in it, says every few seconds that it works on it, and
 * hears whether it is to be cancelled, or somebody else's by now.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { JobEvent, JobEventLog } from '../common/job-event-log.js';
import type { QueueJob, StatusLog, Task } from '../common/job-task.js';
import type { Database } from '../database/database.js';
import { beatJob, reportJob } from './job-rows.js';

/** Progress reaches the database this often at most. */
const reportMilliseconds = 250;
/** A database that is away is asked again after so long. */
const patienceMilliseconds = 1_000;
/** How long a process that ends waits for a database that is away: who does not say that a job is free falls silent, and it is. */
const lastMilliseconds = 5_000;

export class HeldJob<
  Job extends QueueJob,
  Request,
  Event extends JobEvent,
  Events extends JobEventLog<Event> & StatusLog<Job>,
> {
  readonly #added = new Map<string, Event>();
  /** Ids of those that are being written. */
  #underWay: ReadonlySet<string> = new Set();
  readonly #outdated = new Set<string>();
  #reported = 0;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();
  #over = false;
  readonly #beat: NodeJS.Timeout;

  constructor(
    private readonly database: Database,
    private readonly fence: { readonly id: string; readonly holder: string; readonly attempt: number },
    private readonly task: Task<Job, Request, Events>,
    private readonly log: { warn(details: object, message: string): void },
    beatMilliseconds: number,
  ) {
    task.events.listen((event, outdated) => {
      // One that is being written may be there by now.
      for (const { id } of outdated)
        if (!this.#added.delete(id) || this.#underWay.has(id)) this.#outdated.add(id);
      this.#added.set(event.id, event);
      this.#timer ??= setTimeout(() => void this.#report(), this.#wait());
    });
    this.#beat = setInterval(() => void this.beat(), beatMilliseconds);
  }

  /** Asks how the job stands; what fails is asked again. */
  async beat(): Promise<void> {
    if (!this.#over) await this.confirm().catch(() => {});
  }

  /**
   * Resolves when the job is this process's still, and is to go on; also when its end is there already, after which nobody else gets it.
   * @throws SteerdError database_unavailable; the reason of the task's signal when the job is not
   */
  async confirm(): Promise<void> {
    this.#hear(await beatJob(this.database, this.fence));
    this.task.signal.throwIfAborted();
  }

  /**
   * Writes the job's end, or that it waits again, as soon as the database can take it.
   * @param closing aborted when this process ends, which then does not wait for a database that is away
   * @returns whether it is written: else the job is somebody else's, or will be
   */
  async end(closing: AbortSignal): Promise<boolean> {
    clearInterval(this.#beat);
    clearTimeout(this.#timer);
    await this.#writing;
    this.#over = true;
    let until = Number.POSITIVE_INFINITY;
    while (!this.#isLost()) {
      if (await this.#write()) return !this.#isLost();
      if (closing.aborted) until = Math.min(until, performance.now() + lastMilliseconds);
      if (performance.now() >= until) return false;
      await pause(patienceMilliseconds);
    }
    return false;
  }

  /** Nothing more is written. */
  drop(): void {
    this.#over = true;
    clearInterval(this.#beat);
    clearTimeout(this.#timer);
  }

  #isLost(): boolean {
    return this.task.stopped === 'lost';
  }

  #wait(): number {
    return Math.max(0, this.#reported + reportMilliseconds - performance.now());
  }

  async #report(): Promise<void> {
    this.#timer = undefined;
    if (this.#over) return;
    this.#reported = performance.now();
    this.#writing = this.#writing.then(async () => {
      if (!this.#over && !(await this.#write()))
        this.#timer ??= setTimeout(() => void this.#report(), patienceMilliseconds);
    });
    await this.#writing;
  }

  /** @returns false when the database is away, and it must be tried again */
  async #write(): Promise<boolean> {
    const events = [...this.#added.values()];
    const outdated = [...this.#outdated];
    this.#underWay = new Set(this.#added.keys());
    const report = { ...this.fence, job: this.task.job, events, outdated: outdated.map(Number) };
    try {
      const answer = await reportJob<Job, Event>(this.database, report);
      if (answer === null) this.task.abort('lost');
      else this.#hear(answer);
    } catch (error) {
      // Away, most of all. Whatever it is: who writes nothing falls silent, and the job is another's.
      this.log.warn(
        { job: this.fence.id, reason: (error as Error).message },
        'job not written to the database yet',
      );
      return false;
    } finally {
      this.#underWay = new Set();
    }
    for (const { id } of events) this.#added.delete(id);
    for (const id of outdated) this.#outdated.delete(id);
    return true;
  }

  #hear(answer: { readonly cancelling: boolean } | null): void {
    if (answer === null) {
      // A beat that was on its way when the end was written finds nothing to beat for.
      if (this.task.job.finished_at === null) this.task.abort('lost');
    } else if (answer.cancelling && this.task.stopped === null) this.task.abort();
  }
}
