/** The statements on steerd.jobs and steerd.job_events. What a job's holder writes is fenced by its attempt. */
import type { JobEvent } from '../common/job-event-log.js';
import type { QueueJob } from '../common/job-task.js';
import type { Database, Queries } from '../database/database.js';
import type { JobKind } from './jobs.js';

/** Notices: `new KIND` when a job waits, `job ID` when there is news of one, `cancel ID` for its holder. */
export const jobsChannel = 'steerd_jobs';

export interface JobRow<Job, Request> {
  readonly id: string;
  readonly job: Job;
  readonly request: Request;
  readonly attempt: number;
  readonly losses: number;
  readonly cancelling: boolean;
  readonly last_event: number;
}

const lastEvent =
  'coalesce((SELECT max(events.id) FROM steerd.job_events events WHERE events.job = jobs.id), 0) AS last_event';

export const notify = (queries: Queries, text: string) =>
  queries.query('SELECT pg_notify($1, $2)', [jobsChannel, text]);

export interface NewJob<Job, Request, Event> {
  readonly kind: JobKind;
  readonly job: Job;
  readonly request: Request;
  readonly key: string | null;
  readonly model: string | null;
  readonly holder: string;
  readonly events: readonly Event[];
  readonly maxQueued: number;
}

/** @returns the job that has its key already; 'full' when too many wait; null when it was added */
export function insertJob<Job extends QueueJob, Request, Event extends JobEvent>(
  database: Database,
  { kind, job, request, key, model, holder, events, maxQueued }: NewJob<Job, Request, Event>,
): Promise<Pick<JobRow<Job, Request>, 'job' | 'request'> | 'full' | null> {
  return database.transaction(async (queries) => {
    // Whoever adds to a kind does so alone: the limit and the keys hold for all replicas together.
    await queries.query('SELECT pg_advisory_xact_lock(hashtext($1))', [`steerd.jobs.${kind}`]);
    const [same] = await queries.query<JobRow<Job, Request>>(
      'SELECT job, request FROM steerd.jobs WHERE kind = $1 AND key = $2 AND NOT finished',
      [kind, key],
    );
    if (same !== undefined) return same;
    const [count] = await queries.query<{ waiting: number }>(
      "SELECT count(*)::integer AS waiting FROM steerd.jobs WHERE kind = $1 AND status = 'queued' AND NOT finished",
      [kind],
    );
    if ((count?.waiting ?? 0) >= maxQueued) return 'full';
    await queries.query(
      "INSERT INTO steerd.jobs (id, kind, key, model, status, job, request, holder) VALUES ($1, $2, $3, $4, 'queued', $5, $6, $7)",
      [job.id, kind, key, model, JSON.stringify(job), JSON.stringify(request), holder],
    );
    await insertEvents(queries, job.id, events);
    await notify(queries, `new ${kind}`);
    return null;
  });
}

/**
 * Takes the first job that waits, or whose holder has been silent for `voidSeconds`. A database that was away itself a moment ago
 * says nothing about holders.
 * @param models those of this replica
 */
export async function takeJob<Job, Request>(
  queries: Queries,
  taker: {
    readonly kind: JobKind;
    readonly holder: string;
    readonly models: readonly string[];
    readonly voidSeconds: number;
  },
): Promise<JobRow<Job, Request> | undefined> {
  const { kind, holder, models, voidSeconds } = taker;
  const [row] = await queries.query<JobRow<Job, Request>>(
    `UPDATE steerd.jobs SET attempt = attempt + 1, losses = losses + (status = 'running')::integer,
       status = 'running', holder = $2, beat_at = now()
     WHERE id = (
       SELECT id FROM steerd.jobs
       WHERE kind = $1 AND NOT finished AND (model IS NULL OR model = ANY($3))
         AND (status = 'queued' OR greatest(beat_at, pg_postmaster_start_time()) < now() - make_interval(secs => $4))
       ORDER BY number LIMIT 1 FOR UPDATE SKIP LOCKED)
     RETURNING id, job, request, attempt, losses, cancelling, ${lastEvent}`,
    [kind, holder, models, voidSeconds],
  );
  return row;
}

/** What a holder has to say of its job. */
export interface Report<Job, Event> {
  readonly id: string;
  readonly holder: string;
  readonly attempt: number;
  readonly job: Job;
  readonly events: readonly Event[];
  /** Ids of events that others have replaced. */
  readonly outdated: readonly number[];
}

/** @returns whether the job is to be cancelled; null when it is not this holder's any more, and nothing was written */
export function reportJob<Job extends QueueJob, Event extends JobEvent>(
  database: Database,
  { id, holder, attempt, job, events, outdated }: Report<Job, Event>,
): Promise<{ readonly cancelling: boolean } | null> {
  return database.transaction(async (queries) => {
    const finished = job.finished_at !== null;
    const [row] = await queries.query<{ cancelling: boolean; kind: string }>(
      `UPDATE steerd.jobs SET job = $4, status = $5, finished = $6, request = CASE WHEN $6 THEN NULL ELSE request END, beat_at = now()
       WHERE id = $1 AND holder = $2 AND attempt = $3 AND NOT finished RETURNING cancelling, kind`,
      [id, holder, attempt, JSON.stringify(job), job.status, finished],
    );
    if (row === undefined) {
      // An end that was written, and whose answer was lost on the way, was this holder's.
      const own =
        'SELECT cancelling FROM steerd.jobs WHERE id = $1 AND holder = $2 AND attempt = $3 AND finished';
      const [ended] = finished
        ? await queries.query<{ cancelling: boolean }>(own, [id, holder, attempt])
        : [];
      return ended ?? null;
    }
    if (outdated.length > 0)
      await queries.query('DELETE FROM steerd.job_events WHERE job = $1 AND id = ANY($2)', [id, outdated]);
    await insertEvents(queries, id, events);
    if (events.length > 0 || finished) await notify(queries, `job ${id}`);
    if (job.status === 'queued') await notify(queries, `new ${row.kind}`);
    return row;
  });
}

/** Says that a job is still worked on. */
export async function beatJob(
  queries: Queries,
  { id, holder, attempt }: Pick<Report<unknown, unknown>, 'id' | 'holder' | 'attempt'>,
): Promise<{ readonly cancelling: boolean } | null> {
  const [row] = await queries.query<{ cancelling: boolean }>(
    `UPDATE steerd.jobs SET beat_at = now() WHERE id = $1 AND holder = $2 AND attempt = $3 AND NOT finished RETURNING cancelling`,
    [id, holder, attempt],
  );
  return row ?? null;
}

/**
 * Ends a job that waits, or tells its holder to end it.
 * @param cancelled makes the cancelled job and its last event of one that waits
 * @returns the job as it then is
 */
export function cancelJob<Job extends QueueJob, Event extends JobEvent>(
  database: Database,
  kind: JobKind,
  id: string,
  cancelled: (row: JobRow<Job, unknown>) => { readonly job: Job; readonly events: readonly Event[] },
): Promise<{ readonly job: Job; readonly before: string } | undefined> {
  return database.transaction(async (queries) => {
    const [row] = await queries.query<JobRow<Job, unknown> & { status: string }>(
      `SELECT id, job, NULL AS request, attempt, losses, cancelling, status, ${lastEvent} FROM steerd.jobs jobs
       WHERE id = $1 AND kind = $2 FOR UPDATE`,
      [id, kind],
    );
    if (row === undefined) return undefined;
    if (row.status === 'running') {
      await queries.query('UPDATE steerd.jobs SET cancelling = true WHERE id = $1', [id]);
      await notify(queries, `cancel ${id}`);
    }
    if (row.status !== 'queued') return { job: row.job, before: row.status };
    const { job, events } = cancelled(row);
    await queries.query(
      "UPDATE steerd.jobs SET status = 'cancelled', job = $2, finished = true, request = NULL WHERE id = $1",
      [id, JSON.stringify(job)],
    );
    await insertEvents(queries, id, events);
    await notify(queries, `job ${id}`);
    return { job, before: row.status };
  });
}

/** Forgets the oldest finished jobs of a kind. */
export const forgetJobs = (queries: Queries, kind: JobKind, remembered: number) =>
  queries.query(
    `DELETE FROM steerd.jobs WHERE kind = $1 AND finished AND number <= (
       SELECT number FROM steerd.jobs WHERE kind = $1 AND finished ORDER BY number DESC OFFSET $2 LIMIT 1)`,
    [kind, remembered],
  );

async function insertEvents(queries: Queries, id: string, events: readonly JobEvent[]): Promise<void> {
  if (events.length === 0) return;
  await queries.query(
    `INSERT INTO steerd.job_events (job, id, event)
     SELECT $1, one.id, one.event::json FROM unnest($2::integer[], $3::text[]) AS one (id, event) ON CONFLICT DO NOTHING`,
    [id, events.map((event) => Number(event.id)), events.map((event) => JSON.stringify(event))],
  );
}
