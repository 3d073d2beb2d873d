/**
 * Jobs in a data directory, a file each, for the next process: rewritten whole with each status, durably. The directory is one
 * server's (data-lock.ts). What cannot be written is logged: the job runs, and will not survive a restart.
 */
import { mkdir, readdir, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { removeLeftovers, writeDurably } from '../common/durable-file.js';
import { type JobKind, jobKinds } from './jobs.js';

const KeptJob = z.object({
  kind: z.enum(jobKinds),
  /** As the API tells it; its own schema is its kind's. */
  job: z.looseObject({
    id: z.string(),
    status: z.enum(['queued', 'running', 'succeeded', 'failed', 'cancelled']),
    started_at: z.number().nullable(),
    finished_at: z.number().nullable(),
    error: z.object({ code: z.string(), message: z.string() }).nullable(),
  }),
  /** Null once the job has finished. */
  request: z.unknown(),
  key: z.string().nullable(),
  /** Processes that ended while they had it. */
  losses: z.int(),
  events: z.array(z.looseObject({ id: z.string(), created_at: z.number() })),
  lastId: z.int(),
  /** When it was made, in milliseconds: jobs of one second stay in their order. */
  order: z.number().optional(),
});

export interface KeptJob extends Omit<z.output<typeof KeptJob>, 'job' | 'events'> {
  readonly job: object & { readonly id: string };
  readonly events: readonly object[];
}

interface JournalLog {
  warn(details: object, message: string): void;
}

export class JobJournal {
  readonly #writes = new Map<string, Promise<void>>();
  /** What is to be written next of a job whose write is under way. */
  readonly #next = new Map<string, KeptJob | null>();
  readonly #orders = new Map<string, number>();
  #lastOrder = 0;

  private constructor(
    private readonly folder: string,
    private readonly kept: KeptJob[],
    private readonly log: JournalLog,
  ) {
    for (const { job, order } of kept) if (order !== undefined) this.#orders.set(job.id, order);
  }

  /** Reads what earlier processes left; a file that is no job's is logged and left alone. */
  static async open(folder: string, log: JournalLog): Promise<JobJournal> {
    const kept: KeptJob[] = [];
    const names = await mkdir(folder, { recursive: true })
      .then(() => removeLeftovers(folder))
      .then(() => readdir(folder))
      .catch((error: Error) => {
        log.warn({ folder, reason: error.message }, 'jobs will not survive a restart');
        return [];
      });
    for (const file of names.filter((name) => name.endsWith('.json'))) {
      try {
        kept.push(KeptJob.parse(JSON.parse(await readFile(join(folder, file), 'utf8'))));
      } catch (error) {
        log.warn({ file: join(folder, file), reason: (error as Error).message }, 'job file not read');
      }
    }
    kept.sort((a, b) => (a.order ?? 0) - (b.order ?? 0));
    return new JobJournal(folder, kept, log);
  }

  /** What earlier processes left of a kind, oldest first. */
  take(kind: JobKind): readonly KeptJob[] {
    return this.kept.filter((one) => one.kind === kind);
  }

  /** Begins to write; of several in a row the last one counts. */
  write(id: string, job: KeptJob): void {
    this.#lastOrder = Math.max(Date.now(), this.#lastOrder + 1);
    const order = this.#orders.get(id) ?? this.#lastOrder;
    this.#orders.set(id, order);
    this.#later(id, { ...job, order });
  }

  /** Resolves when what was last written of a job is on the disk, or was logged as what could not be. */
  async written(id: string): Promise<void> {
    await this.#writes.get(id);
  }

  forget(id: string): void {
    this.#orders.delete(id);
    this.#later(id, null);
  }

  async settled(): Promise<void> {
    while (this.#writes.size > 0) await Promise.all(this.#writes.values());
  }

  #later(id: string, job: KeptJob | null): void {
    this.#next.set(id, job);
    if (!this.#writes.has(id)) this.#writes.set(id, this.#drain(id));
  }

  async #drain(id: string): Promise<void> {
    for (;;) {
      const job = this.#next.get(id);
      if (job === undefined) break;
      this.#next.delete(id);
      const file = `${id}.json`;
      try {
        if (job === null) await unlink(join(this.folder, file));
        else await writeDurably(this.folder, file, Buffer.from(JSON.stringify(job)));
      } catch (error) {
        this.log.warn({ job: id, reason: (error as Error).message }, 'job not written to the data directory');
      }
    }
    this.#writes.delete(id);
  }
}
