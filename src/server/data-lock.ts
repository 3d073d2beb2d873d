/**
 * One data directory, one server: concepts are held in memory, so a second server on the same directory would answer by
 * old ones and count quotas of its own. The lock of a process that is gone is taken over.
 */
import { resolve } from 'node:path';
import { type FileLock, lockFile } from '../common/file-lock.js';
import { ConfigError } from '../config.js';
import { shown } from '../errors.js';
import type { ServerLog } from './server.js';

const fileName = 'server.lock';

/**
 * Where the lock cannot be written (a read-only or full disk), the server goes on without: what it has is still readable.
 * @returns releases the lock
 * @throws ConfigError when another server has the directory
 */
export async function lockDataDirectory(
  dataDirectory: string,
  log: Pick<ServerLog, 'warn' | 'error'>,
): Promise<() => Promise<void>> {
  const file = resolve(dataDirectory, fileName);
  const held = (who: string) =>
    new ConfigError(
      `STEERD_DATA_DIR must be a folder that no other server uses; received ${shown(dataDirectory)}, which ${who} uses (${file}). Stop that server, or give this one another folder by --data-dir.`,
    );
  let lock: FileLock;
  try {
    lock = await lockFile(file, held);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    log.warn(
      { file, reason: (error as Error).message },
      'data directory not locked: let no other server use it',
    );
    return async () => {};
  }
  lock.lost.addEventListener('abort', () =>
    log.error({ file }, 'another server took the data directory over'),
  );
  return () => lock.release();
}
