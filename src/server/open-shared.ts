/** What a server shares with others where a database is named: concepts, keys, limits and responses. Imported only there. */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { AccessControl } from '../access/access-control.js';
import { openSharedAccess } from '../access/shared-access.js';
import { DatabaseResponses, usualBounds } from '../completions/database-responses.js';
import { DatabaseConcepts } from '../concepts/database-concepts.js';
import type { Settings } from '../config.js';
import type { Database } from '../database/database.js';
import { openDatabase } from '../database/open-database.js';
import type { ServerLog } from './server.js';

export interface Shared {
  readonly database: Database;
  readonly access: AccessControl;
  readonly concepts: DatabaseConcepts;
  readonly responses: DatabaseResponses;
  /** From now on this says how many servers there are, as far as this one knows; until then it is alone. */
  knowServers(count: () => number): void;
  /** Ends all of it, the database last. */
  close(): Promise<void>;
}

/**
 * Keys and the names of all concepts are read before this returns.
 * @throws ConfigError when the database cannot be used; KeysFileError
 */
export async function openShared(settings: Settings, log: ServerLog): Promise<Shared> {
  const database = await openDatabase(settings.databaseUrl, log);
  const closing: (() => Promise<void>)[] = [database.close];
  const close = async () => {
    for (const end of closing.splice(0).reverse()) await end();
  };
  try {
    const { dataDirectory, apiKey: secret } = settings;
    let servers = () => 1;
    const server = `${hostname()} ${process.pid} ${randomBytes(4).toString('hex')}`;
    const shared = await openSharedAccess({
      database,
      dataDirectory,
      log,
      secret,
      server,
      servers: () => servers(),
    });
    closing.push(shared.close);
    const concepts = await openSharedConcepts(settings, database, log);
    closing.push(() => concepts.close());
    const bounds = { ...usualBounds, responses: settings.responses };
    const responses = new DatabaseResponses({ database, bounds, log });
    closing.push(() => responses.close());
    const knowServers = (count: () => number) => {
      servers = count;
    };
    return { database, access: shared.access, concepts, responses, knowServers, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** @throws SteerdError database_unavailable */
export function openSharedConcepts(
  settings: Pick<
    Settings,
    'maxConcepts' | 'maxConceptBytes' | 'conceptMemory' | 'conceptDisk' | 'cacheDirectory'
  >,
  database: Database,
  log: Pick<ServerLog, 'error'>,
): Promise<DatabaseConcepts> {
  const mebibyte = 1024 ** 2;
  const { cacheDirectory } = settings;
  return DatabaseConcepts.open({
    database,
    log,
    shipped: [],
    quota: { concepts: settings.maxConcepts, bytes: settings.maxConceptBytes },
    cache: {
      memory: settings.conceptMemory * mebibyte,
      disk: settings.conceptDisk * mebibyte,
      folder: cacheDirectory === null ? null : join(cacheDirectory, 'concepts'),
    },
  });
}
