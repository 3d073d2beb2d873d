/**
 * PostgreSQL as what is shared is kept there: a pool of connections, transactions, and notices from other processes. What the
 * database cannot do just now is one declared error, `database_unavailable`; what a statement did wrong stays pg's own.
 */
import pg from 'pg';
import { errors, SteerdError } from '../errors.js';
import { isOutage } from './outage.js';

/** Runs statements; in a transaction those of one connection. */
export interface Queries {
  /**
   * @param values of `$1`, `$2`, ...
   * @returns the rows, by column
   * @throws SteerdError database_unavailable; pg's DatabaseError for what the statement itself did wrong
   */
  query<Row extends pg.QueryResultRow = pg.QueryResultRow>(
    sql: string,
    values?: readonly unknown[],
  ): Promise<Row[]>;
}

export interface Watcher {
  /** Hears a notice of the channel. */
  readonly notice?: (payload: string) => void;
  /** Looks for what notices may have missed: when the listening connection is there again, and every few seconds. */
  readonly check: () => void;
}

export interface Database extends Queries {
  /** The pool itself, for libraries that bring statements of their own. */
  readonly pool: pg.Pool;
  /**
   * All or nothing, on one connection.
   * @throws SteerdError database_unavailable, after which it may have been committed; what `run` throws
   */
  transaction<Result>(run: (queries: Queries) => Promise<Result>): Promise<Result>;
  /**
   * Tells `watcher` of every NOTIFY on a channel from now on.
   * @returns ends it
   */
  watch(channel: string, watcher: Watcher): () => void;
  /** Whether the listening connection stands: what other processes write is heard of at once. */
  readonly listening: boolean;
  /** Ends all connections; statements under way are waited for. */
  close(): Promise<void>;
}

/** How long a statement waits for a connection, and for its answer, before the database counts as away. */
const connectMilliseconds = 5_000;
const statementMilliseconds = 60_000;

/** @param most connections at once */
export function createPool(connectionString: string, most: number): pg.Pool {
  const pool = new pg.Pool({
    connectionString,
    max: most,
    connectionTimeoutMillis: connectMilliseconds,
    query_timeout: statementMilliseconds,
    statement_timeout: statementMilliseconds,
    keepAlive: true,
    application_name: `steerd ${process.pid}`,
    // An idle connection keeps no process alive that has nothing else to do.
    allowExitOnIdle: true,
  });
  // An idle connection that breaks is replaced at the next statement: nothing is lost by it.
  pool.on('error', () => {});
  return pool;
}

/** Statements on a pool or a connection, with outages told as ours. */
export function queriesOf(connection: Pick<pg.Pool | pg.PoolClient, 'query'>): Queries {
  return {
    async query<Row extends pg.QueryResultRow>(sql: string, values: readonly unknown[] = []) {
      try {
        const { rows } = await connection.query<Row>(sql, values.map(storable));
        return rows;
      } catch (error) {
        throw explained(error);
      }
    },
  };
}

/**
 * PostgreSQL's texts hold no NUL. What is looked up with one is found as little as it is without a database: U+FFFD, which stands for it
 * then, is in no name or id that anything may have (common/names.ts). In a text that is written it stands where the NUL was.
 */
function storable(value: unknown): unknown {
  if (typeof value === 'string') return value.includes('\0') ? value.replaceAll('\0', '\ufffd') : value;
  return Array.isArray(value) ? value.map(storable) : value;
}

export async function inTransaction<Result>(
  pool: pg.Pool,
  run: (queries: Queries) => Promise<Result>,
): Promise<Result> {
  let client: pg.PoolClient;
  try {
    client = await pool.connect();
  } catch (error) {
    throw explained(error);
  }
  // A connection that breaks while it is ours fails its statement; without a listener it would end the process, too.
  const ignore = () => {};
  client.on('error', ignore);
  let broken: Error | undefined;
  try {
    const queries = queriesOf(client);
    await queries.query('BEGIN');
    const result = await run(queries);
    await queries.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch((failed: Error) => {
      broken = failed;
    });
    throw explained(error);
  } finally {
    client.off('error', ignore);
    client.release(broken);
  }
}

function explained(error: unknown): unknown {
  if (error instanceof SteerdError || !isOutage(error)) return error;
  return errors.databaseUnavailable();
}
