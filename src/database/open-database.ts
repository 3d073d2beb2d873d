/** Opens the database of a `DATABASE_URL`: reached, its tables up to date, listening. Imported only where there is one. */
import { setTimeout as pause } from 'node:timers/promises';
import { ConfigError } from '../config.js';
import { isDatabaseAway, SteerdError } from '../errors.js';
import { createPool, type Database, inTransaction, queriesOf } from './database.js';
import { migrate } from './migrate.js';
import { type NoticeLog, Notices } from './notices.js';

interface OpenOptions {
  /** Connections at once, beside the one that listens. */
  readonly connections?: number;
  /** How long a database that is not there yet is waited for. */
  readonly waitSeconds?: number;
  /** Between two looks for what notices missed. */
  readonly pollMilliseconds?: number;
}

/**
 * @param url `postgresql://user:password@host:port/database`; what it leaves out is taken from PGUSER, PGPASSWORD, ...
 * @throws ConfigError when the database cannot be reached in time, or refuses: the message never holds the URL
 */
export async function openDatabase(
  url: string,
  log: NoticeLog,
  { connections = 8, waitSeconds = 30, pollMilliseconds = 2_000 }: OpenOptions = {},
): Promise<Database> {
  const pool = createPool(url, connections);
  try {
    await reach(() => inTransaction(pool, migrate), waitSeconds, log);
  } catch (error) {
    await pool.end().catch(() => {});
    throw new ConfigError(
      `DATABASE_URL must name a PostgreSQL database that can be used; ${reasonOf(error, waitSeconds)}.`,
    );
  }
  const notices = new Notices(url, log, pollMilliseconds);
  let closed: Promise<void> | undefined;
  return {
    pool,
    ...queriesOf(pool),
    transaction: (run) => inTransaction(pool, run),
    watch: (channel, watcher) => notices.watch(channel, watcher),
    get listening() {
      return notices.listening;
    },
    close() {
      closed ??= notices.close().then(() => pool.end());
      return closed;
    },
  };
}

/** A database that starts beside the servers is waited for. */
async function reach(open: () => Promise<void>, seconds: number, log: NoticeLog): Promise<void> {
  const until = performance.now() + seconds * 1000;
  for (let told = false; ; told = true) {
    try {
      return await open();
    } catch (error) {
      if (!isDatabaseAway(error) || performance.now() > until) throw error;
      if (!told) log.warn({ seconds }, 'database not reached yet; waiting for it');
      await pause(500);
    }
  }
}

function reasonOf(error: unknown, seconds: number): string {
  if (error instanceof SteerdError) return `it was not reached within ${seconds} s`;
  return `it answered: ${error instanceof Error ? error.message : String(error)}`;
}
