/**
 * The API keys of all servers that share a database, beside those of this server's own keys file. Each server holds all of them and reads
 * them again at once when a notice says that they changed, and every few seconds. Once there was a key, keys are needed for good. While the
 * database is away the keys stay as they were: nobody new is let in, and nobody who was needs a new one. A server does not start without
 * having read them.
 */
import type { Database, Queries } from '../database/database.js';
import { SteerdError } from '../errors.js';
import type { KeySource, RevokedKey } from './access-control.js';
import { ApiKey, findKey } from './api-key.js';
import {
  type KeyGrant,
  type KeyLog,
  KeyStore,
  type KeySummary,
  type KnownKey,
  newKey,
  withDigest,
} from './key-store.js';

const channel = 'steerd_keys';

/** How long a request waits for keys that are being read: those of before count then. */
const readMilliseconds = 1000;

/**
 * The keys of the database, oldest first.
 * @param onUnknown hears of those that a newer server made in words that this one does not know: it lets nobody in by them, but revokes them
 * @throws SteerdError database_unavailable
 */
export async function readSharedKeys(queries: Queries, onUnknown: (id: string) => void): Promise<ApiKey[]> {
  // What stands in a key is not the database's to read: a newer server may say it in other words.
  const rows = await queries.query<{ id: string; key: unknown }>(
    'SELECT id, key FROM steerd.keys ORDER BY id',
  );
  const keys = rows.flatMap(({ id, key }) => {
    const known = ApiKey.safeParse(key);
    if (!known.success) onUnknown(id);
    return known.success ? [known.data] : [];
  });
  return keys.sort((a, b) => a.created - b.created);
}

/** Whether there ever was a key. @throws SteerdError database_unavailable */
export async function sharedKeysNeeded(queries: Queries): Promise<boolean> {
  const [state] = await queries.query<{ needed: boolean }>('SELECT needed FROM steerd.key_state');
  return state?.needed ?? false;
}

/** @returns its secret, which nothing keeps. @throws SteerdError invalid_value, database_unavailable */
export async function addSharedKey(database: Database, grant: KeyGrant): Promise<ReturnType<typeof newKey>> {
  const made = newKey(grant);
  const { id, hash } = made.key;
  await database.transaction(async (queries) => {
    await queries.query('INSERT INTO steerd.keys (id, hash, key) VALUES ($1, $2, $3)', [
      id,
      hash,
      JSON.stringify(made.key),
    ]);
    await queries.query('UPDATE steerd.key_state SET needed = true');
    await queries.query('SELECT pg_notify($1, $2)', [channel, id]);
  });
  return made;
}

/**
 * Takes away a key of any server, also one that a newer one made in words that this one does not know.
 * @returns the key that is gone; undefined when there was none
 * @throws SteerdError database_unavailable
 */
export async function revokeSharedKey(database: Database, id: string): Promise<RevokedKey | undefined> {
  return database.transaction(async (queries) => {
    const [row] = await queries.query<{ name: string | null }>(
      "DELETE FROM steerd.keys WHERE id = $1 RETURNING key->>'name' AS name",
      [id],
    );
    if (row === undefined) return undefined;
    await queries.query('SELECT pg_notify($1, $2)', [channel, id]);
    return { id, ...(row.name !== null && { name: row.name }) };
  });
}

export class SharedKeyStore implements KeySource {
  #keys: readonly KnownKey[] = [];
  #needed = false;
  #reading: Promise<void> | null = null;
  #again = false;
  /** Reads so far, and the last one that counted: of two at once the one that began later knows more. */
  #reads = 0;
  #counted = 0;
  readonly #unknown = new Set<string>();
  #problem: string | null = null;
  readonly #stop: () => void;

  private constructor(
    readonly database: Database,
    readonly file: KeyStore,
    readonly log: KeyLog,
  ) {
    const soon = () => void this.#readSoon();
    this.#stop = database.watch(channel, { notice: soon, check: soon });
  }

  /**
   * @param secret of a key beside those of the file and the database; none when empty
   * @throws KeysFileError, SteerdError database_unavailable
   */
  static async open(
    database: Database,
    dataDirectory: string,
    log: KeyLog,
    secret = '',
  ): Promise<SharedKeyStore> {
    const store = new SharedKeyStore(database, await KeyStore.open(dataDirectory, log, secret), log);
    await store.#read();
    return store;
  }

  close(): void {
    this.#stop();
  }

  get needed(): boolean {
    return this.#needed || this.file.needed;
  }

  get unreadable(): boolean {
    return this.file.unreadable;
  }

  get summary(): KeySummary {
    return { ...this.file.summary, inDatabase: this.#keys.length };
  }

  async refresh(): Promise<void> {
    await this.file.refresh();
    if (this.#reading === null) return;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, readMilliseconds);
    });
    await Promise.race([this.#reading, late]);
    clearTimeout(timer);
  }

  find(secret: string): KnownKey | undefined {
    return findKey(this.#keys, secret) ?? this.file.find(secret);
  }

  async list(onUnknown: (id: string) => void = () => {}): Promise<readonly ApiKey[]> {
    return [...(await readSharedKeys(this.database, onUnknown)), ...(await this.file.list())];
  }

  async add(grant: KeyGrant): Promise<ReturnType<typeof newKey>> {
    const made = await addSharedKey(this.database, grant);
    await this.#read();
    return made;
  }

  async revoke(id: string): Promise<RevokedKey | undefined> {
    const revoked = await revokeSharedKey(this.database, id);
    if (revoked === undefined) return this.file.revoke(id);
    await this.#read();
    return revoked;
  }

  /** What a notice told of while keys were being read may not be among them. */
  async #readSoon(): Promise<void> {
    if (this.#reading !== null) {
      this.#again = true;
      return;
    }
    this.#reading = this.#read().catch((error: Error) => {
      // Of an outage the listening connection tells, once.
      if (error instanceof SteerdError) return;
      if (error.message !== this.#problem)
        this.log.error({ err: error }, 'keys not read; they stay as they were');
      this.#problem = error.message;
    });
    await this.#reading;
    this.#reading = null;
    if (!this.#again) return;
    this.#again = false;
    await this.#readSoon();
  }

  async #read(): Promise<void> {
    const read = ++this.#reads;
    const keys = await readSharedKeys(this.database, (id) => {
      if (!this.#unknown.has(id))
        this.log.error({ key: id }, 'API key of a newer server not understood; it is left out');
      this.#unknown.add(id);
    });
    this.#needed ||= await sharedKeysNeeded(this.database);
    if (read < this.#counted) return;
    this.#counted = read;
    this.#keys = keys.map(withDigest);
    this.#problem = null;
  }
}
