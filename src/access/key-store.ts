/**
 * The keys file, `<dataDirectory>/keys.json`, and the keys in it now. That the file exists means that keys are needed,
 * even if it holds none, or cannot be read: it fails closed. While keys are needed it is read again when it changed, at
 * most once a second; before that it is looked for at every request. No signal is needed, and it works where file
 * watchers do not. A file that became unreadable leaves the keys as they were.
 */
import { constants } from 'node:fs';
import { lstat, open, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { makeFolderDurably, writeDurably } from '../common/durable-file.js';
import { lockFile } from '../common/file-lock.js';
import { unixSeconds } from '../common/stamps.js';
import { validate, validated } from '../schemas/validation.js';
import { ApiKey, environmentKey, findKey, KeysFile, newSecret } from './api-key.js';

const fileName = 'keys.json';
const lookAgainMilliseconds = 1000;
const ownerOnly = 0o600;
/** How long a change of the file waits for those of other processes. */
const lockMilliseconds = 10_000;

/** Absolute path of the keys file of a data directory. */
export const keysFile = (dataDirectory: string): string => resolve(dataDirectory, fileName);

export interface KnownKey extends ApiKey {
  readonly digest: Buffer;
}

export interface KeyLog {
  info(details: object, message: string): void;
  error(details: object, message: string): void;
}

/** The keys file cannot be used; the message names the file and what is wrong with it. */
export class KeysFileError extends Error {
  override readonly name = 'KeysFileError';
}

/** @returns null when there is no file. @throws KeysFileError */
export async function readKeys(dataDirectory: string): Promise<ApiKey[] | null> {
  const file = join(dataDirectory, fileName);
  let json: unknown;
  try {
    json = JSON.parse(await readRegularFile(file));
  } catch (error) {
    // A link that leads nowhere is a file whose volume is not there (yet).
    if (isMissing(error) && (await stampOf(file)) === '') return null;
    // A JSON error may quote the file's text; nothing of it goes into a log.
    const reason = error instanceof SyntaxError ? 'it is not JSON' : (error as Error).message;
    throw new KeysFileError(`${file} cannot be read: ${reason}`);
  }
  const checked = validate(KeysFile, json);
  if ('error' in checked) throw new KeysFileError(`${file} is not a keys file: ${checked.error.message}`);
  const { keys } = checked.value;
  for (const field of ['id', 'hash'] as const) {
    if (new Set(keys.map((key) => key[field])).size < keys.length) {
      throw new KeysFileError(`${file} has two keys of the same ${field}`);
    }
  }
  return keys;
}

const isMissing = (error: unknown) => (error as NodeJS.ErrnoException).code === 'ENOENT';

/** A pipe of that name would be waited for, by every request. */
async function readRegularFile(file: string): Promise<string> {
  const handle = await open(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    if (!(await handle.stat()).isFile()) throw new Error('it is no regular file');
    return await handle.readFile('utf8');
  } finally {
    await handle.close();
  }
}

/** Changes whenever the file is replaced or edited, and when it can no longer be looked at; empty when there is none. */
async function stampOf(file: string): Promise<string> {
  try {
    const named = await lstat(file);
    const { ino, size, mtimeMs, ctimeMs } = named.isSymbolicLink() ? await stat(file) : named;
    return [ino, size, mtimeMs, ctimeMs].join();
  } catch (error) {
    const isThere = await lstat(file).then(
      () => true,
      (reason) => !isMissing(reason),
    );
    return isThere ? `unknown: ${(error as NodeJS.ErrnoException).code}` : '';
  }
}

/** Reads, changes and writes the file while no other process does. @throws KeysFileError */
async function changeKeys<Result>(
  dataDirectory: string,
  change: (keys: readonly ApiKey[]) => { readonly keys: readonly ApiKey[]; readonly result: Result },
): Promise<Result> {
  await makeFolderDurably(dataDirectory);
  const file = join(dataDirectory, fileName);
  const until = performance.now() + lockMilliseconds;
  const busy = (who: string) => new KeysFileError(`${file} is being changed by ${who}; try again`);
  const lock = async () => {
    for (;;) {
      try {
        return await lockFile(`${file}.lock`, busy);
      } catch (error) {
        if (!(error instanceof KeysFileError) || performance.now() > until) throw error;
        await pause(10 + 40 * Math.random());
      }
    }
  };
  const { release } = await lock();
  try {
    const before = (await readKeys(dataDirectory)) ?? [];
    const { keys, result } = change(before);
    if (keys !== before) await writeKeys(dataDirectory, keys);
    return result;
  } finally {
    await release();
  }
}

async function writeKeys(dataDirectory: string, keys: readonly ApiKey[]): Promise<void> {
  const text = `${JSON.stringify({ format: 1, keys }, null, 2)}\n`;
  await writeDurably(dataDirectory, fileName, Buffer.from(text), { mode: ownerOnly });
}

/** What a new key may do; see ApiKey. */
export type KeyGrant = Pick<ApiKey, 'name' | 'scopes'> & Partial<Omit<ApiKey, 'id' | 'hash' | 'created'>>;

/** Makes a key. @returns its secret, which nothing keeps. @throws KeysFileError, SteerdError invalid_value */
export async function addKey(
  dataDirectory: string,
  grant: KeyGrant,
): Promise<{ readonly key: ApiKey; readonly secret: string }> {
  const made = newKey(grant);
  return changeKeys(dataDirectory, (keys) => ({ keys: [...keys, made.key], result: made }));
}

/** A key that is kept nowhere yet, and its secret. @throws SteerdError invalid_value */
export function newKey(grant: KeyGrant): { readonly key: ApiKey; readonly secret: string } {
  const { secret, id, hash } = newSecret();
  return { key: validated(ApiKey, { ...grant, id, hash, created: unixSeconds() }), secret };
}

/** @returns the key that is gone; undefined when there was none. @throws KeysFileError */
export function revokeKey(dataDirectory: string, id: string): Promise<ApiKey | undefined> {
  return changeKeys(dataDirectory, (keys) => {
    const revoked = keys.find((key) => key.id === id);
    return {
      keys: revoked === undefined ? keys : keys.filter((key) => key !== revoked),
      result: revoked,
    };
  });
}

/** Where keys come from, for people: in the log and at the start. */
export interface KeySummary {
  /** Absolute path. */
  readonly file: string;
  /** Keys in the file; null when there is no file. */
  readonly inFile: number | null;
  /** Keys in the database; left out without one. */
  readonly inDatabase?: number;
  /** Whether STEERD_API_KEY is one. */
  readonly fromEnvironment: boolean;
}

export class KeyStore {
  #keys: readonly KnownKey[] = [];
  #inFile: number | null = null;
  readonly #own: readonly KnownKey[];
  /** Once a file was there, keys are needed until the process ends. */
  #needed: boolean;
  /** What `stat` said of the file that was read last. */
  #seen = '';
  #problem: string | null = null;
  #lookAgainAt = 0;
  #reading: Promise<void> | null = null;

  private constructor(
    readonly dataDirectory: string,
    readonly log: KeyLog,
    secret: string,
  ) {
    this.#own = secret === '' ? [] : [withDigest(environmentKey(secret))];
    this.#keys = this.#own;
    this.#needed = secret !== '';
  }

  /**
   * @param secret of a key beside those of the file; none when empty
   * @throws KeysFileError
   */
  static async open(dataDirectory: string, log: KeyLog, secret = ''): Promise<KeyStore> {
    const store = new KeyStore(dataDirectory, log, secret);
    store.#seen = await store.#stamp();
    store.#take(await readKeys(dataDirectory));
    store.#lookAgainAt = performance.now() + lookAgainMilliseconds;
    return store;
  }

  /** Whether requests need a key. */
  get needed(): boolean {
    return this.#needed;
  }

  get size(): number {
    return this.#keys.length;
  }

  /** Whether nobody can be let in, for there is a file and it was never read. */
  get unreadable(): boolean {
    return this.#problem !== null && this.#inFile === null;
  }

  get summary(): KeySummary {
    const file = keysFile(this.dataDirectory);
    return { file, inFile: this.#inFile, fromEnvironment: this.#own.length > 0 };
  }

  /** Reads the file again if it changed; cheap when it was looked at a moment ago. */
  async refresh(): Promise<void> {
    // Whoever comes after the file did must not get in: no look of before counts.
    if (!this.#needed) return this.#look();
    if (performance.now() < this.#lookAgainAt) return;
    this.#reading ??= this.#look().finally(() => {
      this.#reading = null;
      this.#lookAgainAt = performance.now() + lookAgainMilliseconds;
    });
    await this.#reading;
  }

  find(secret: string): KnownKey | undefined {
    return findKey(this.#keys, secret);
  }

  /** Those of the file, as of now. @throws KeysFileError */
  async list(): Promise<readonly ApiKey[]> {
    return (await readKeys(this.dataDirectory)) ?? [];
  }

  /** Makes a key, which works at once. @throws as addKey */
  async add(grant: KeyGrant): ReturnType<typeof addKey> {
    const made = await addKey(this.dataDirectory, grant);
    await this.#look();
    return made;
  }

  /** Takes a key away; requests that come later are refused. @returns undefined when there was none */
  async revoke(id: string): Promise<ApiKey | undefined> {
    const revoked = await revokeKey(this.dataDirectory, id);
    await this.#look();
    return revoked;
  }

  async #look(): Promise<void> {
    const stamp = await this.#stamp();
    if (stamp === this.#seen && this.#problem === null) return;
    try {
      this.#take(await readKeys(this.dataDirectory));
      this.#seen = stamp;
      this.#problem = null;
      this.log.info({ keys: this.#inFile }, 'keys file read again');
    } catch (error) {
      // There is a file, or nobody can say that there is none.
      this.#needed = true;
      const problem = (error as Error).message;
      if (problem !== this.#problem) {
        const kept = this.#inFile === null ? 'nobody is let in' : 'the keys stay as they were';
        this.log.error({ err: error }, `keys file refused; ${kept}`);
      }
      this.#problem = problem;
    }
  }

  #take(keys: readonly ApiKey[] | null): void {
    this.#needed ||= keys !== null;
    this.#inFile = keys?.length ?? null;
    this.#keys = [...this.#own, ...(keys ?? []).map(withDigest)];
  }

  #stamp(): Promise<string> {
    return stampOf(join(this.dataDirectory, fileName));
  }
}

export const withDigest = (key: ApiKey): KnownKey => ({ ...key, digest: Buffer.from(key.hash, 'hex') });
