/**
 * The keys file, `<dataDirectory>/keys.json`, and the keys in it now. That the file exists means that keys are needed,
 * even if it holds none. It is read again when it changed, at most once a second: no signal is needed, and it works
 * where file watchers do not. A file that became unreadable leaves the keys as they were.
 */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolderDurably, writeDurably } from '../common/durable-file.js';
import { unixSeconds } from '../common/stamps.js';
import { validate } from '../schemas/validation.js';
import { ApiKey, findKey, KeysFile, newSecret } from './api-key.js';

const fileName = 'keys.json';
const lookAgainMilliseconds = 1000;
const ownerOnly = 0o600;

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
    json = JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
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

async function writeKeys(dataDirectory: string, keys: readonly ApiKey[]): Promise<void> {
  await makeFolderDurably(dataDirectory);
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
  const keys = (await readKeys(dataDirectory)) ?? [];
  const { secret, id, hash } = newSecret();
  const checked = validate(ApiKey, { ...grant, id, hash, created: unixSeconds() });
  if ('error' in checked) throw checked.error;
  await writeKeys(dataDirectory, [...keys, checked.value]);
  return { key: checked.value, secret };
}

/** @returns the key that is gone; undefined when there was none. @throws KeysFileError */
export async function revokeKey(dataDirectory: string, id: string): Promise<ApiKey | undefined> {
  const keys = (await readKeys(dataDirectory)) ?? [];
  const revoked = keys.find((key) => key.id === id);
  if (revoked !== undefined) {
    await writeKeys(
      dataDirectory,
      keys.filter((key) => key !== revoked),
    );
  }
  return revoked;
}

export class KeyStore {
  #keys: readonly KnownKey[] = [];
  /** Once a file was there, keys are needed until the process ends. */
  #needed = false;
  /** What `stat` said of the file that was read last. */
  #seen = '';
  #lookAgainAt = 0;
  #reading: Promise<void> | null = null;

  private constructor(
    readonly dataDirectory: string,
    readonly log: KeyLog,
  ) {}

  /** @throws KeysFileError */
  static async open(dataDirectory: string, log: KeyLog): Promise<KeyStore> {
    const store = new KeyStore(dataDirectory, log);
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

  /** Reads the file again if it changed; cheap when it was looked at a moment ago. */
  async refresh(): Promise<void> {
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

  async #look(): Promise<void> {
    const stamp = await this.#stamp();
    if (stamp === this.#seen) return;
    this.#seen = stamp;
    try {
      this.#take(await readKeys(this.dataDirectory));
      this.log.info({ keys: this.#keys.length }, 'keys file read again');
    } catch (error) {
      this.log.error({ err: error }, 'keys file refused; the keys stay as they were');
    }
  }

  #take(keys: readonly ApiKey[] | null): void {
    this.#needed ||= keys !== null;
    this.#keys = (keys ?? []).map((key) => ({ ...key, digest: Buffer.from(key.hash, 'hex') }));
  }

  /** Changes whenever the file is replaced or edited. */
  async #stamp(): Promise<string> {
    try {
      const { ino, size, mtimeMs, ctimeMs } = await stat(join(this.dataDirectory, fileName));
      return [ino, size, mtimeMs, ctimeMs].join();
    } catch {
      return '';
    }
  }
}
