/**
 * Brings the database's tables up to this version's, by the files of `migrations/` and Postgrator. All in one transaction and
 * under a lock: of many that start at once one works and the others find it done, and a kill leaves nothing half done. A database
 * that is ahead (a newer replica was here) stays as it is: migrations only add what older versions do not mind.
 */
import { join } from 'node:path';
import Postgrator from 'postgrator';
import { packageRoot } from '../common/package.js';
import type { Queries } from './database.js';

export const schema = 'steerd';

/** Read from the sources, for the compiler copies no SQL. */
const folder = join(packageRoot, 'src', 'database', 'migrations');

/** Any number that nobody else in this database locks by. */
const lockNumber = 7_305_821_124;

/** @param queries of one transaction */
export async function migrate(queries: Queries): Promise<void> {
  await queries.query('SELECT pg_advisory_xact_lock($1)', [lockNumber]);
  await queries.query(`CREATE SCHEMA IF NOT EXISTS ${schema}`);
  const postgrator = new Postgrator({
    driver: 'pg',
    migrationPattern: join(escapeGlob(folder), '*.sql'),
    schemaTable: `${schema}.migrations`,
    // Checked out with other line ends they are the same files.
    newline: 'LF',
    execQuery: async (sql) => ({ rows: await queries.query(sql) }),
    execSqlScript: async (sql) => void (await queries.query(sql)),
  });
  await postgrator.migrate();
}

/** The package may lie in a folder whose name means something to a glob. */
const escapeGlob = (path: string) =>
  path.replace(/[[\]{}()*?!+@\\]/g, (sign) => (sign === '\\' ? '/' : `[${sign}]`));
