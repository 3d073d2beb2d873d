/** Access where several servers share a database: its keys, and limits that hold for all servers together. */
import type { Database } from '../database/database.js';
import { AccessControl } from './access-control.js';
import type { KeyLog } from './key-store.js';
import { SharedKeyStore } from './shared-key-store.js';
import { SharedUsage } from './shared-usage.js';

interface SharedAccessOptions {
  readonly database: Database;
  readonly dataDirectory: string;
  readonly log: KeyLog;
  /** Of a key beside all others; none when empty. */
  readonly secret?: string;
  /** This process among those that share the database. */
  readonly server: string;
  /** How many servers there are, as far as this one knows: what a limit is divided by while the database is away. */
  readonly servers?: () => number;
}

interface SharedAccess {
  readonly access: AccessControl;
  /** Gives back what is leased. */
  close(): Promise<void>;
}

/** @throws KeysFileError, SteerdError database_unavailable */
export async function openSharedAccess(options: SharedAccessOptions): Promise<SharedAccess> {
  const { database, dataDirectory, log, secret, server, servers = () => 1 } = options;
  const keys = await SharedKeyStore.open(database, dataDirectory, log, secret);
  const counted = new Map<string, SharedUsage>();
  const access = new AccessControl(keys, (limits) => {
    void counted.get(limits.id)?.close();
    const usage = new SharedUsage({ queries: database, key: limits.id, server, limits, servers });
    counted.set(limits.id, usage);
    return usage;
  });
  return {
    access,
    async close() {
      keys.close();
      await Promise.all([...counted.values()].map((usage) => usage.close()));
    },
  };
}
