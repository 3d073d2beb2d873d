/**
 * An API key as the keys file holds it: never the secret, only its SHA-256. Secrets are 256 random bits, so nothing
 * slower than SHA-256 would protect them better.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { keyGrant } from '../schemas/keys.js';

export const ApiKey = z.strictObject({
  ...keyGrant,
  /** Public: stands in logs and in `steerd keys list`. */
  id: z.string().regex(/^key-[0-9a-f]{12}$/),
  /** SHA-256 of the secret, hex. */
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  /** Unix seconds. */
  created: z.int().min(0),
});
export type ApiKey = z.output<typeof ApiKey>;

export const KeysFile = z.strictObject({ format: z.literal(1), keys: z.array(ApiKey).max(100_000) });

const secretPrefix = 'sk-steerd-';

/** @returns the secret, to be shown once, and what is kept of it */
export function newSecret(): { readonly secret: string; readonly id: string; readonly hash: string } {
  const secret = `${secretPrefix}${randomBytes(32).toString('base64url')}`;
  return { secret, id: `key-${randomBytes(6).toString('hex')}`, hash: hashSecret(secret).toString('hex') };
}

/**
 * The key of the environment (STEERD_API_KEY): for everything, without limits.
 * @param secret as the setting has checked it
 */
export const environmentKey = (secret: string): ApiKey => ({
  id: 'key-000000000000',
  name: 'STEERD_API_KEY',
  hash: hashSecret(secret).toString('hex'),
  created: 0,
  expires: null,
  scopes: ['admin'],
  requests_per_minute: null,
  tokens_per_minute: null,
  concurrent_streams: null,
  max_concepts: null,
  models: null,
  concepts: null,
  max_strength: null,
  steering: null,
});

const hashSecret = (secret: string): Buffer => createHash('sha256').update(secret).digest();

/** The key with this secret. Every key is compared in full, so the time says nothing about any of them. */
export function findKey<Key extends { readonly digest: Buffer }>(
  keys: readonly Key[],
  secret: string,
): Key | undefined {
  const digest = hashSecret(secret);
  let found: Key | undefined;
  for (const key of keys) if (timingSafeEqual(key.digest, digest)) found = key;
  return found;
}
