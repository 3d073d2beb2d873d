/**
 * `steerd keys`: creates, lists and revokes API keys, in the keys file of this machine, or in the database where DATABASE_URL names one.
 * Running servers see changes within a second. With `--server` it goes by a server's API, for which STEERD_API_KEY is an admin's key.
 */
import { type Command, Option } from 'commander';
import { addKey, type KeyGrant, keysFile, readKeys, revokeKey } from '../access/key-store.js';
import { toKeyObject } from '../access/managed-keys.js';

import { unixSeconds } from '../common/stamps.js';
import type { Settings } from '../config.js';
import type { Database } from '../database/database.js';
import { errors } from '../errors.js';
import { type KeyList, type KeyObject, type MadeKey, scopes } from '../schemas/keys.js';
import { type Api, withApi } from './api.js';
import { sayJson, sayTable, sayWrapped } from './output.js';
import { addSettings } from './settings-options.js';
import { withDatabase } from './shared-database.js';
import { numberOf } from './steering-options.js';

interface Options {
  readonly json?: boolean;
  readonly server?: string;
}

interface AddOptions extends Options {
  readonly scopes: string;
  readonly requestsPerMinute?: string;
  readonly tokensPerMinute?: string;
  readonly streams?: string;
  readonly maxConcepts?: string;
  readonly expires?: string;
  readonly models?: string;
  readonly concepts?: string;
  readonly maxStrength?: string;
  readonly steering?: string;
}

export function register(program: Command): void {
  const keys = program.command('keys').description('API keys of the data directory');

  const add = keys
    .command('add')
    .description('make a key and show its secret, once')
    .argument('<name>', 'what or who the key is for')
    .option('--json', 'the key with its secret as JSON', false)
    .option('--scopes <list>', `of ${scopes.join(', ')}, separated by commas`, 'completions')
    .option('--requests-per-minute <number>', 'requests a minute')
    .option('--tokens-per-minute <number>', 'tokens a minute, prompts and answers together')
    .option('--streams <number>', 'completions that run at once')
    .option('--max-concepts <number>', 'concepts that it may have made')
    .option('--expires <when>', 'when it ends: a time from now (12h, 30d) or a date (2027-01-31)')
    .option('--models <list>', 'the only models it may use, separated by commas')
    .option('--concepts <list>', 'the only concepts it may use, separated by commas')
    .option('--max-strength <number>', 'max strength of a concept, calibrated, of either sign')
    .addOption(
      new Option(
        '--steering <json>',
        'steering of completions that ask for none: {"concept": ..., "strength": ...}',
      ),
    );
  const settingsOfAdd = addSettings(add, ['dataDirectory']);
  add.action(async (name: string, options: AddOptions) => {
    const settings = settingsOfAdd({ ...options });
    const grant = grantOf(name, options);
    const made = await by(options, settings, {
      api: (api) => api.json<MadeKey>('/v1/keys', { method: 'POST', body: grant }),
      file: async (folder) => {
        const { secret, key } = await addKey(folder, grant);
        return { ...toKeyObject(key), secret };
      },
      database: async (database, { addSharedKey }) => {
        const { secret, key } = await addSharedKey(database, grant);
        return { ...toKeyObject(key), secret };
      },
    });
    if (options.json) return sayJson(made);
    const place = placeOf(options, settings);
    const where = place === null ? '' : ` in ${place}`;
    sayWrapped(
      `${made.id} for ${JSON.stringify(made.name)}${where}. Its secret is shown this once:`,
      process.stderr,
    );
    process.stdout.write(`${made.secret}\n`);
  });

  const show = keys
    .command('list', { isDefault: true })
    .alias('ls')
    .description('the keys and what they may do')
    .option('--json', 'as JSON', false);
  const settingsOfList = addSettings(show, ['dataDirectory']);
  show.action(async (options: Options) => {
    const settings = settingsOfList({ ...options });
    const {
      data,
      needed,
      unknown = [],
    } = await by<Listed>(options, settings, {
      api: (api) => api.json<Listed>('/v1/keys'),
      file: async (folder) => {
        const known = await readKeys(folder);
        return { data: (known ?? []).map(toKeyObject), needed: known !== null };
      },
      database: async (database, { readSharedKeys, sharedKeysNeeded }) => {
        const unknown: string[] = [];
        const known = await readSharedKeys(database, (id) => unknown.push(id));
        return { data: known.map(toKeyObject), unknown, needed: await sharedKeysNeeded(database) };
      },
    });
    if (options.json) return sayJson({ object: 'list', data, unknown });
    if (unknown.length > 0)
      sayWrapped(
        `Left out, for a newer version made them; "steerd keys revoke" takes them away: ${unknown.join(', ')}`,
        process.stderr,
      );
    if (data.length > 0) sayTable(headings, data.map(rowOf));
    else if (unknown.length > 0) return;
    else if (needed) sayWrapped('All keys are revoked: nobody is let in.', process.stderr);
    else sayWrapped(`${noKeys(options, settings)}: loopback needs no key.`, process.stderr);
  });

  const revoke = keys
    .command('revoke')
    .alias('rm')
    .description('take a key away')
    .argument('<id>', 'as in keys list')
    .option('--json', 'as JSON', false);
  const settingsOfRevoke = addSettings(revoke, ['dataDirectory']);
  revoke.action(async (id: string, options: Options) => {
    const what = await by(options, settingsOfRevoke({ ...options }), {
      api: async (api) => {
        const gone = await api.json<{ id: string }>(`/v1/keys/${encodeURIComponent(id)}`, {
          method: 'DELETE',
        });
        return { id: gone.id };
      },
      file: async (folder) => known(await revokeKey(folder, id), id),
      database: async (database, { revokeSharedKey }) => known(await revokeSharedKey(database, id), id),
    });
    if (options.json) sayJson({ id: what.id, revoked: true });
    else sayWrapped(`${told(what)} is revoked`);
  });
  for (const command of [add, show, revoke])
    command.option('--server <url>', 'by the API of a server, with STEERD_API_KEY, instead of the keys file');
}

/** A server of an earlier version does not tell of `unknown`. */
type Listed = Pick<KeyList, 'data' | 'needed'> & Partial<Pick<KeyList, 'unknown'>>;

interface Ways<Result> {
  readonly api: (api: Api) => Promise<Result>;
  /** @param folder the data directory */
  readonly file: (folder: string) => Promise<Result>;
  readonly database: (
    database: Database,
    keys: typeof import('../access/shared-key-store.js'),
  ) => Promise<Result>;
}

interface Revoked {
  readonly id: string;
  /** A server's API does not tell it, nor may a newer version's key. */
  readonly name?: string;
}

const told = ({ id, name }: Revoked) => (name === undefined ? id : `${id} (${JSON.stringify(name)})`);

/** @throws SteerdError invalid_value for a key that was not there */
function known(revoked: Revoked | undefined, id: string): Revoked {
  if (revoked !== undefined) return revoked;
  throw errors.invalidValue('id', 'the id of a key in "steerd keys list"', id);
}

/** Nothing is asked of a server that merely answers: whoever may write the file needs no key. */
async function by<Result>(
  options: Options,
  settings: Settings,
  { api, file, database }: Ways<Result>,
): Promise<Result> {
  if (options.server !== undefined) return withApi(options, settings, api);
  if (settings.databaseUrl === '') return file(settings.dataDirectory);
  const keys = await import('../access/shared-key-store.js');
  return withDatabase(settings, (opened) => database(opened, keys));
}

/** Where keys are, as far as this command knows. */
function placeOf({ server }: Options, { databaseUrl, dataDirectory }: Settings): string | null {
  if (server !== undefined) return null;
  return databaseUrl === '' ? keysFile(dataDirectory) : 'the database';
}

function noKeys(options: Options, settings: Settings): string {
  if (settings.databaseUrl !== '' && options.server === undefined) return 'There never was a key';
  return `There is no ${placeOf(options, settings) ?? 'keys file'}`;
}

const grantOf = (name: string, options: AddOptions): KeyGrant => ({
  name,
  scopes: list(options.scopes) as KeyObject['scopes'],
  requests_per_minute: number('--requests-per-minute', options.requestsPerMinute),
  tokens_per_minute: number('--tokens-per-minute', options.tokensPerMinute),
  concurrent_streams: number('--streams', options.streams),
  max_concepts: number('--max-concepts', options.maxConcepts),
  expires: options.expires === undefined ? null : expiry(options.expires),
  models: options.models === undefined ? null : list(options.models),
  concepts: options.concepts === undefined ? null : list(options.concepts),
  max_strength: number('--max-strength', options.maxStrength),
  steering: options.steering === undefined ? null : json('--steering', options.steering),
});

const headings = [
  'ID',
  'NAME',
  'CREATED',
  'EXPIRES',
  'SCOPES',
  'REQ/MIN',
  'TOK/MIN',
  'STREAMS',
  'MADE',
  'MODELS',
  'CONCEPTS',
  'MAX STRENGTH',
  'STEERING',
];

const dateOf = (seconds: number) => new Date(seconds * 1000).toISOString().slice(0, 16).replace('T', ' ');

const secondsOf = { m: 60, h: 3600, d: 86_400 } as const;

/** Unix seconds of a moment to come. @throws SteerdError invalid_value */
export function expiry(text: string, now = unixSeconds()): number {
  const [, amount, unit] = /^(\d{1,6})([mhd])$/.exec(text.trim()) ?? [];
  const at =
    amount === undefined
      ? Math.floor(Date.parse(text) / 1000)
      : now + Number(amount) * secondsOf[unit as keyof typeof secondsOf];
  if (at > now) return at;
  throw errors.invalidValue(
    '--expires',
    'a time from now such as 12h or 30d, or a date to come such as 2027-01-31',
    text,
  );
}

function rowOf(key: KeyObject): string[] {
  const limit = (value: number | null) => (value === null ? '-' : String(value));
  return [
    key.id,
    JSON.stringify(key.name),
    dateOf(key.created),
    key.expires === null ? 'never' : dateOf(key.expires),
    key.scopes.join(','),
    limit(key.requests_per_minute),
    limit(key.tokens_per_minute),
    limit(key.concurrent_streams),
    limit(key.max_concepts),
    key.models === null ? 'all' : key.models.join(','),
    key.concepts === null ? 'all' : key.concepts.join(','),
    limit(key.max_strength),
    key.steering === null ? '-' : JSON.stringify(key.steering),
  ];
}

/** The entries of a comma-separated list. */
const list = (text: string) =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean);

/** @throws SteerdError invalid_value that echoes what was typed */
const number = (flag: string, text: string | undefined): number | null =>
  text === undefined ? null : numberOf(flag, text);

function json(flag: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw errors.invalidValue(flag, 'JSON', text);
  }
}
