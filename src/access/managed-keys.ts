/**
 * The keys of the keys file as one caller manages them over HTTP. The first key is made on the server's own machine: where
 * none is needed anybody could make it, and with it shut out everybody else. Nobody revokes the key that he came with.
 */
import { errors } from '../errors.js';
import type { KeyList, KeyObject, KeyRequest, MadeKey } from '../schemas/keys.js';
import type { AccessControl } from './access-control.js';
import type { ApiKey } from './api-key.js';
import { KeysFileError } from './key-store.js';

export class ManagedKeys {
  /**
   * @param access undefined where the application knows no keys
   * @param own id of the key that the caller came with; null without one
   */
  constructor(
    private readonly access: Pick<AccessControl, 'keys'> | undefined,
    private readonly own: string | null,
  ) {}

  /** @throws SteerdError keys_unreadable, database_unavailable */
  async list(): Promise<KeyList> {
    const unknown: string[] = [];
    const keys = (await this.#keys((store) => store.list((id) => unknown.push(id)))) ?? [];
    const needed = this.access?.keys.needed ?? false;
    return { object: 'list', data: keys.map(toKeyObject), unknown, needed, own: this.own };
  }

  /** @throws SteerdError no_keys_yet, invalid_value, keys_unreadable */
  async add({ scopes = ['completions'], ...grant }: KeyRequest): Promise<MadeKey> {
    const made = this.access?.keys.needed && (await this.#keys((store) => store.add({ ...grant, scopes })));
    if (!made) throw errors.firstKey();
    return { ...toKeyObject(made.key), secret: made.secret };
  }

  /** @throws SteerdError key_not_found, key_in_use, keys_unreadable */
  async revoke(id: string): Promise<{ id: string; object: 'api_key'; deleted: true }> {
    if (id === this.own) throw errors.ownKey(id);
    if ((await this.#keys((store) => store.revoke(id))) === undefined) throw errors.keyNotFound(id);
    return { id, object: 'api_key', deleted: true };
  }

  /** What went wrong with the file names its path, which is for the server's log. */
  async #keys<Result>(work: (store: AccessControl['keys']) => Promise<Result>): Promise<Result | undefined> {
    try {
      return this.access && (await work(this.access.keys));
    } catch (error) {
      throw error instanceof KeysFileError ? errors.keysUnreadable() : error;
    }
  }
}

/** Without the hash, which is nobody's business: it is what a secret is found by. */
export function toKeyObject({ hash: _, ...key }: ApiKey): KeyObject {
  return { ...key, object: 'api_key' };
}
