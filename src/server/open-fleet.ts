/** What this process does for others and knows of them, where a database is shared: jobs, and who has which model. */
import type { Settings } from '../config.js';
import type { OpenQueue } from '../jobs/jobs.js';
import type { ModelRegistry } from '../models/registry.js';
import { openJobKeeping, processName } from './open-jobs.js';
import type { Shared } from './open-shared.js';
import type { ServerLog } from './server.js';

interface InFleet {
  readonly models: ModelRegistry;
  readonly openQueue: OpenQueue;
  /** Once no queue is open any more; the database last. */
  close(): Promise<void>;
}

interface FleetOptions {
  /** What is shared; undefined for a server alone. */
  readonly shared: Pick<Shared, 'database' | 'responses' | 'knowServers' | 'close'> | undefined;
  /** Whether this is a server, or worker, and no command that only looks. */
  readonly locks: boolean;
  /** Whether others send it requests. */
  readonly serves: boolean;
}

export async function openFleet(
  { dataDirectory, takeJobs }: Pick<Settings, 'dataDirectory' | 'takeJobs'>,
  models: ModelRegistry,
  log: ServerLog,
  { shared, locks, serves }: FleetOptions,
): Promise<InFleet> {
  const keeping = await openJobKeeping({
    ...{ dataDirectory, database: shared?.database, log },
    owns: locks,
    takes: locks ? takeJobs || !serves : 'once asked',
    models: () => models.ids(),
  });
  const { openQueue } = keeping;
  if (shared === undefined || !locks) {
    const close = async () => {
      keeping.close();
      await shared?.close();
    };
    return { models, openQueue, close };
  }
  const { joinFleet, withFleet } = await import('./fleet.js');
  const fleet = await joinFleet(shared.database, processName(), models, serves);
  shared.knowServers(fleet.servers);
  if (serves) shared.responses.keepBounds();
  return {
    models: withFleet(models, fleet),
    openQueue,
    async close() {
      keeping.close();
      await fleet.leave();
      await shared.close();
    },
  };
}
