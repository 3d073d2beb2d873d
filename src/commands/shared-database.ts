/** The database that servers share, for a command that works on it without a server. */
import { createLog } from '../common/log.js';
import type { Settings } from '../config.js';
import type { Database } from '../database/database.js';

/** A person waits. */
const waitSeconds = 5;

/** @throws ConfigError when the database cannot be used */
export async function withDatabase<Result>(
  { databaseUrl }: Pick<Settings, 'databaseUrl'>,
  work: (database: Database) => Promise<Result>,
): Promise<Result> {
  const { openDatabase } = await import('../database/open-database.js');
  const database = await openDatabase(databaseUrl, createLog('error'), { connections: 4, waitSeconds });
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}
