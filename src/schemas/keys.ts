/** API keys as the API shows and makes them: what a key may do, and its secret only once, when it is made. */
import { z } from 'zod';
import { between, listOf, orNull, strictly, text, whole } from './fields.js';
import { SteeringFields, strengthLimits } from './steering.js';

/** What a key may do; src/access/scopes.ts says what includes what. */
export const scopes = ['completions', 'concepts:read', 'concepts:write', 'metrics', 'admin'] as const;
export type Scope = (typeof scopes)[number];

const limit = (description: string) =>
  whole(1, 1_000_000_000)
    .nullable()
    .default(null)
    .meta({ description: `${description}; null for no limit.` });

const names = (what: string) =>
  listOf(text(200), 0, 10_000, what)
    .nullable()
    .default(null)
    .meta({ description: `${what}, the only ones that it may use; null for all.` });

const isSteering = (value: unknown) => value === null || SteeringFields.steering.safeParse(value).success;

/** What is decided when a key is made. The keys file holds the same. */
export const keyGrant = {
  name: text(128).meta({ description: 'What or who the key is for.', examples: ['billing-bot'] }),
  scopes: listOf(
    z.enum(scopes, { error: `must be one of ${scopes.join(', ')}` }),
    1,
    scopes.length,
    'scopes',
  ).meta({ description: 'What it may do. `admin` may do everything.' }),
  expires: z
    .int({ error: 'must be a time in Unix seconds' })
    .min(0)
    .nullable()
    .default(null)
    .meta({ description: 'Unix seconds from which it is refused; null for never.' }),
  requests_per_minute: limit('Requests a minute'),
  tokens_per_minute: limit('Tokens a minute, prompts and answers together'),
  concurrent_streams: limit('Completions that run at once, streaming or not'),
  max_concepts: limit('Concepts that it may have made, by fits, imports and compositions'),
  models: names('models'),
  concepts: names('concepts'),
  max_strength: between(0, strengthLimits.calibrated)
    .nullable()
    .default(null)
    .meta({ description: 'Largest calibrated strength of one concept, either sign; null for no cap.' }),
  steering: z
    .unknown()
    .refine(isSteering, { error: 'must be a steering item or a list of them' })
    .default(null)
    .meta({
      description: 'What completions that say nothing about steering are steered by; null for nothing.',
    }),
};

const requestFields = {
  ...keyGrant,
  scopes: orNull(keyGrant.scopes).meta({ description: 'What it may do; `completions` when left out.' }),
};

export const KeyRequest = z
  .strictObject(requestFields, {
    error: strictly('the request body', Object.keys(requestFields), 'must be an object'),
  })
  .meta({
    id: 'KeyRequest',
    example: { name: 'billing-bot', scopes: ['completions'], tokens_per_minute: 60_000 },
  });
export type KeyRequest = z.output<typeof KeyRequest>;

const shown = {
  id: z.string().meta({ description: 'Public: stands in logs.' }),
  object: z.literal('api_key'),
  created: z.int().meta({ description: 'Unix seconds.' }),
  ...keyGrant,
};

const example = {
  id: 'key-0a1b2c3d4e5f',
  object: 'api_key' as const,
  created: 1767225600,
  name: 'billing-bot',
  scopes: ['completions' as const],
  expires: null,
  requests_per_minute: null,
  tokens_per_minute: 60_000,
  concurrent_streams: null,
  max_concepts: null,
  models: null,
  concepts: null,
  max_strength: null,
  steering: null,
};

export const KeyObject = z.object(shown).meta({ id: 'ApiKey', examples: [example] });
export type KeyObject = z.output<typeof KeyObject>;

export const MadeKey = z
  .object({ ...shown, secret: z.string().meta({ description: 'Shown this once; nothing keeps it.' }) })
  .meta({ id: 'MadeApiKey', examples: [{ ...example, secret: 'sk-steerd-7u2...' }] });
export type MadeKey = z.output<typeof MadeKey>;

export const KeyList = z
  .object({
    object: z.literal('list'),
    data: z.array(KeyObject),
    unknown: z.array(z.string()).meta({
      description:
        'Ids of keys that a newer server made and this one does not understand: they let nobody in here, and can be revoked.',
    }),
    needed: z.boolean().meta({ description: 'Whether requests need a key. Once one was there, they do.' }),
    own: z.string().nullable().meta({ description: 'Id of the key that this request came with.' }),
  })
  .meta({ id: 'ApiKeyList' });
export type KeyList = z.output<typeof KeyList>;

export const RevokedKey = z
  .object({ id: z.string(), object: z.literal('api_key'), deleted: z.literal(true) })
  .meta({ id: 'RevokedApiKey' });

export const KeyParams = z.object({ id: z.string().meta({ examples: ['key-0a1b2c3d4e5f'] }) });
