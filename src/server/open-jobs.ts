/**
 * Where jobs are kept: in the database that servers share, where there is one; else in the data directory, where it is this process's
 * own; else in memory. What works with the database is loaded only then.
 */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { FolderRuns, type RunKeeping } from '../benchmark/run-keeping.js';
import type { Database } from '../database/database.js';
import { JobJournal } from '../jobs/job-journal.js';
import type { OpenQueue } from '../jobs/jobs.js';
import { journaledQueue, localQueue } from '../jobs/local-jobs.js';
import type { Sharing } from '../jobs/shared-jobs.js';
import type { ServerLog } from './server.js';

interface KeepingOptions {
  readonly dataDirectory: string;
  /** Whether this is a server or worker, whose own the data directory is. */
  readonly owns: boolean;
  readonly database: Database | undefined;
  /** Whether this process works on jobs of the database. */
  readonly takes: Sharing['takes'];
  /** The models that it has, as of now. */
  readonly models: () => readonly string[];
  readonly log: ServerLog;
}

export interface JobKeeping {
  readonly openQueue: OpenQueue;
  /** Once no queue is open any more. */
  close(): void;
}

/** This process, as no other calls itself; a reader of the database finds its machine. */
export const processName = () => `${hostname()}-${process.pid}-${randomBytes(4).toString('hex')}`;

export async function openJobKeeping(options: KeepingOptions): Promise<JobKeeping> {
  const { database, dataDirectory, owns, log, takes, models } = options;
  if (database === undefined) {
    const openQueue = owns
      ? journaledQueue(await JobJournal.open(join(dataDirectory, 'jobs'), log))
      : localQueue;
    return { openQueue, close() {} };
  }
  const [{ JobNotices }, { sharedQueue }] = await Promise.all([
    import('../jobs/job-notices.js'),
    import('../jobs/shared-jobs.js'),
  ]);
  const notices = new JobNotices(database);
  const holder = processName();
  return {
    openQueue: sharedQueue({ database, notices, holder, takes, models, log }),
    close: () => notices.close(),
  };
}

/** Where runs of the benchmark are kept. */
export async function openRunKeeping(
  dataDirectory: string,
  database: Database | undefined,
): Promise<RunKeeping> {
  const own = new FolderRuns(join(dataDirectory, 'benchmarks'));
  if (database === undefined) return own;
  const { DatabaseRuns } = await import('../benchmark/database-runs.js');
  return new DatabaseRuns(database, join(dataDirectory, 'shared-benchmarks'), own);
}
