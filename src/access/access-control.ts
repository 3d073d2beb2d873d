/** Authentication and authorisation: whose key a request carries, and whether that key's scopes suffice. */
import { unixSeconds } from '../common/stamps.js';
import { errors } from '../errors.js';
import type { ApiKey } from './api-key.js';
import { type KeyLog, KeyStore, type KnownKey } from './key-store.js';
import { KeyUsage } from './key-usage.js';
import { allows, type RouteScope } from './scopes.js';
import type { Usage } from './usage.js';

/** Who a request is from: its key, and what that key has used of its limits. */
export interface Caller {
  readonly key: KnownKey;
  readonly usage: Usage;
}

/** A key that is gone. */
export interface RevokedKey {
  readonly id: string;
  /** Left out where it was told in words that this server does not know. */
  readonly name?: string;
}

/** Where keys come from: the keys file, or the database that servers share. */
export interface KeySource
  extends Pick<KeyStore, 'needed' | 'unreadable' | 'refresh' | 'find' | 'summary' | 'add'> {
  /**
   * All of them, as of now.
   * @param onUnknown hears the ids of those that a newer server made in words that this one does not know, which are left out
   * @throws KeysFileError, SteerdError database_unavailable
   */
  list(onUnknown?: (id: string) => void): Promise<readonly ApiKey[]>;
  /**
   * Takes a key away, whoever made it; requests that come later are refused.
   * @returns undefined when there was none
   * @throws KeysFileError, SteerdError database_unavailable
   */
  revoke(id: string): Promise<RevokedKey | undefined>;
}

export class AccessControl {
  /** By key id. */
  readonly #usage = new Map<string, Usage>();

  /** @param usageOf begins to count what a key uses; on this server alone by default */
  constructor(
    readonly keys: KeySource,
    readonly usageOf: (key: KnownKey) => Usage = (key) => new KeyUsage(key),
  ) {}

  /**
   * @param secret of a key beside those of the keys file; none when empty
   * @throws KeysFileError
   */
  static async open(dataDirectory: string, log: KeyLog, secret = ''): Promise<AccessControl> {
    return new AccessControl(await KeyStore.open(dataDirectory, log, secret));
  }

  /**
   * @param authorization the request's header
   * @param onKnown told whose key it is, also when the key is then refused: the log says who was
   * @returns the caller; null for a public route, or where no keys are needed
   * @throws SteerdError invalid_api_key, insufficient_scope, keys_unreadable
   */
  async admit(
    authorization: string | undefined,
    needed: RouteScope,
    onKnown: (key: KnownKey) => void = () => {},
  ): Promise<Caller | null> {
    if (needed === 'public') return null;
    await this.keys.refresh();
    if (!this.keys.needed) return null;
    const secret = /^Bearer +(\S{1,256})$/i.exec(authorization ?? '')?.[1];
    if (secret === undefined) throw this.keys.unreadable ? errors.keysUnreadable() : errors.apiKeyMissing();
    const key = this.keys.find(secret);
    if (key === undefined) throw this.keys.unreadable ? errors.keysUnreadable() : errors.apiKeyWrong();
    onKnown(key);
    if (key.expires !== null && unixSeconds() >= key.expires) throw errors.apiKeyExpired(key.id, key.expires);
    if (!allows(key.scopes, needed)) throw errors.scopeTooSmall(key.id, needed, key.scopes);
    return { key, usage: this.#usageOf(key) };
  }

  #usageOf(key: KnownKey): Usage {
    const known = this.#usage.get(key.id);
    if (known?.hasLimits(key)) return known;
    const usage = this.usageOf(key);
    this.#usage.set(key.id, usage);
    return usage;
  }
}
