/** What this process shares with others, where a database is named: jobs, and who has which model. Alone it has its directory. */
import type { Settings } from '../config.js';
import type { Database } from '../database/database.js';
import type { OpenQueue } from '../jobs/jobs.js';
import type { ModelRegistry } from '../models/registry.js';
import { openJobKeeping, processName } from './open-jobs.js';
import type { ServerLog } from './server.js';

export interface Shared {
  readonly models: ModelRegistry;
  readonly openQueue: OpenQueue;
  /** Once no queue is open any more. */
  close(): Promise<void>;
}

interface FleetOptions {
  /** Whether the data directory is this process's own. */
  readonly locks: boolean;
  /** Whether others send it requests. */
  readonly serves: boolean;
}

/** @throws ConfigError when the database cannot be used */
export async function openFleet(
  { dataDirectory, databaseUrl, takeJobs }: Pick<Settings, 'dataDirectory' | 'databaseUrl' | 'takeJobs'>,
  models: ModelRegistry,
  log: ServerLog,
  { locks, serves }: FleetOptions,
): Promise<Shared> {
  const database = databaseUrl === '' ? undefined : await opened(databaseUrl, log);
  const keeping = await openJobKeeping({
    ...{ dataDirectory, database, log },
    owns: locks,
    // A command that only looks does no work for others.
    takes: locks && (takeJobs || !serves),
    models: () => models.ids(),
  });
  const { openQueue } = keeping;
  if (database === undefined) return { models, openQueue, close: async () => keeping.close() };
  const { joinFleet, withFleet } = await import('./fleet.js');
  const fleet = await joinFleet(database, processName(), models, serves && locks);
  return {
    models: withFleet(models, fleet),
    openQueue,
    async close() {
      keeping.close();
      await fleet.leave();
      await database.close();
    },
  };
}

async function opened(url: string, log: ServerLog): Promise<Database> {
  const { openDatabase } = await import('../database/open-database.js');
  return openDatabase(url, log);
}
