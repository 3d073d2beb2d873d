/**
 * The server's settings, each declared once: property, environment variable, flag, default, help and requirement. A
 * flag overrides the environment; an empty variable counts as unset. All bad values are reported together in one
 * `ConfigError`, which names for each the variable, its requirement and the value received.
 */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { closest } from './common/closest.js';
import { packageRoot } from './common/package.js';
import { userDataFolder } from './common/user-folders.js';
import { arithmetics, kvCacheTypes } from './engine/worker-settings.js';
import { shown } from './errors.js';

interface Setting<Schema extends z.ZodType> {
  readonly env: string;
  /** A variable that other programs have too, read where `env` is not set. */
  readonly common?: string;
  /** Commander's notation: `--port <number>`; null for what every user of the machine could read in a list of processes. */
  readonly flag: string | null;
  /** The default, as a user would write it. */
  readonly fallback: string;
  readonly help: string;
  /** Completes "STEERD_PORT must be ...". */
  readonly requirement: string;
  readonly schema: Schema;
  /** Whether no message may hold its value. */
  readonly secret?: boolean;
}

const setting = <Schema extends z.ZodType>(entry: Setting<Schema>): Setting<Schema> => entry;

/** An address to listen on, with its port; null for `none`. */
function listenAddress(
  value: string,
  context: z.RefinementCtx,
): { readonly host: string; readonly port: number } | null {
  if (value === 'none') return null;
  const [, bracketed, plain, digits] = /^(?:\[([\da-f:.]+)\]:|([\w.-]+):)?(\d{1,5})$/i.exec(value) ?? [];
  const port = Number(digits);
  if (port <= 65_535) return { host: bracketed ?? plain ?? '127.0.0.1', port };
  context.issues.push({ code: 'custom', message: 'is no address', input: value });
  return z.NEVER;
}

/** Decimal digits only: `Number` would also accept '' and '0x10'. */
const integer = (least: number, most: number) =>
  z
    .string()
    .trim()
    .regex(/^-?\d+$/)
    .transform(Number)
    .pipe(z.int().min(least).max(most));

const text = z.string().trim().min(1);

const percentDecoded = z.string().transform((value, context) => {
  try {
    return decodeURIComponent(value);
  } catch {
    context.addIssue({ code: 'custom' });
    return z.NEVER;
  }
});

/** `none` is the empty list. */
const commaList = (entry: RegExp) =>
  z
    .string()
    .transform((value) => (value === 'none' ? [] : value.split(',').map((part) => part.trim())))
    .pipe(z.array(z.string().regex(entry)).max(1000));

const boolean = z.enum(['true', 'false']).transform((value) => value === 'true');

export const devices = ['auto', 'cuda', 'webgpu', 'cpu'] as const;

const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

export const settingsTable = {
  host: setting({
    env: 'STEERD_HOST',
    common: 'HOST',
    flag: '--host <address>',
    fallback: '127.0.0.1',
    help: 'address to listen on',
    requirement: 'a host name or IP address',
    schema: text,
  }),
  port: setting({
    env: 'STEERD_PORT',
    common: 'PORT',
    flag: '--port <number>',
    fallback: '8080',
    help: 'port to listen on; 0 takes a free one',
    requirement: 'an integer from 0 to 65535',
    schema: integer(0, 65_535),
  }),
  dataDirectory: setting({
    env: 'STEERD_DATA_DIR',
    flag: '--data-dir <path>',
    fallback: userDataFolder({ environment: process.env, platform: process.platform, home: homedir() }),
    help: 'where concepts made here and API keys are kept; ./data of the working directory where it has some',
    requirement: 'a path',
    schema: text,
  }),
  cacheDirectory: setting({
    env: 'STEERD_CACHE_DIR',
    flag: '--cache-dir <path>',
    fallback: join(homedir(), '.cache', 'steerd'),
    help: 'where weights prepared for this processor are kept, 16 GiB at most; "none" prepares them at each load',
    requirement: '"none" or a path',
    schema: text.transform((path) => (path === 'none' ? null : path)),
  }),
  maxConcepts: setting({
    env: 'STEERD_MAX_CONCEPTS',
    flag: '--max-concepts <number>',
    fallback: '10000',
    help: 'concepts that may be kept in the data directory; API keys may have a limit of their own',
    requirement: 'an integer from 0 to 1000000',
    schema: integer(0, 1_000_000),
  }),
  maxConceptBytes: setting({
    env: 'STEERD_MAX_CONCEPT_BYTES',
    flag: '--max-concept-bytes <bytes>',
    fallback: String(2 ** 30),
    help: 'bytes that the vectors of all those may have; they are held in memory',
    requirement: 'an integer from 0 to 1099511627776',
    schema: integer(0, 2 ** 40),
  }),
  databaseUrl: setting({
    env: 'STEERD_DATABASE_URL',
    common: 'DATABASE_URL',
    flag: null,
    fallback: 'none',
    help: 'PostgreSQL database that several servers share: postgresql://user:password@host:5432/name; "none" keeps everything in the data directory',
    requirement: '"none" or a URL that begins with postgresql:// or postgres://',
    schema: z
      .string()
      .regex(/^(none|postgres(ql)?:\/\/\S+)$/)
      .transform((value) => (value === 'none' ? '' : value)),
    secret: true,
  }),
  conceptMemory: setting({
    env: 'STEERD_CONCEPT_MEMORY',
    flag: '--concept-memory <megabytes>',
    fallback: '256',
    help: 'with a database: memory for concepts that requests used, in MiB',
    requirement: 'an integer from 0 to 1048576',
    schema: integer(0, 1_048_576),
  }),
  conceptDisk: setting({
    env: 'STEERD_CONCEPT_DISK',
    flag: '--concept-disk <megabytes>',
    fallback: '4096',
    help: 'with a database: disk for copies of its concepts under the cache directory, in MiB, so that they steer while the database is away; 0 keeps none',
    requirement: 'an integer from 0 to 1073741824',
    schema: integer(0, 1_073_741_824),
  }),
  modelsDirectory: setting({
    env: 'STEERD_MODELS_DIR',
    flag: '--models-dir <path>',
    fallback: join(packageRoot, 'models'),
    help: 'folder with one folder per model; several as in PATH: pulled and built ones go into the first, and the embedded model is always there',
    requirement: 'a path, or several as in PATH',
    schema: text,
  }),
  model: setting({
    env: 'STEERD_MODEL',
    flag: '--model <id>',
    fallback: 'smollm2-135m-instruct',
    help: 'model to load at the start and to answer with by default: the name of its folder',
    requirement: 'the name of a folder under a models directory',
    schema: text.regex(/^[^/\\]+$/).refine((id) => id !== '.' && id !== '..'),
  }),
  threads: setting({
    env: 'STEERD_THREADS',
    flag: '--threads <number>',
    fallback: '0',
    help: 'threads for one model; 0 chooses by the cores',
    requirement: 'an integer from 0 to 1024',
    schema: integer(0, 1024),
  }),
  device: setting({
    env: 'STEERD_DEVICE',
    flag: '--device <name>',
    fallback: 'auto',
    help: `where models run: ${devices.join(', ')}; auto takes the first of cuda, webgpu and cpu that works`,
    requirement: `one of ${devices.join(', ')}`,
    schema: z.enum(devices),
  }),
  deviceIndex: setting({
    env: 'STEERD_DEVICE_INDEX',
    flag: '--device-index <number>',
    fallback: '0',
    help: 'which CUDA device, where there are several',
    requirement: 'an integer from 0 to 63',
    schema: integer(0, 63),
  }),
  deviceMemory: setting({
    env: 'STEERD_DEVICE_MEMORY',
    flag: '--device-memory <megabytes>',
    fallback: '0',
    help: 'most memory that CUDA may take for one model, in MiB; 0 sets no limit',
    requirement: 'an integer from 0 to 1048576',
    schema: integer(0, 1_048_576),
  }),
  deviceGraph: setting({
    env: 'STEERD_DEVICE_GRAPH',
    flag: '--device-graph [boolean]',
    fallback: 'false',
    help: 'record decode steps as device graphs (CUDA graphs) and replay them; checked when a model is loaded',
    requirement: 'true or false',
    schema: boolean,
  }),
  arithmetic: setting({
    env: 'STEERD_ARITHMETIC',
    flag: '--arithmetic <name>',
    fallback: 'auto',
    help: `how the CPU multiplies 4-bit and 8-bit weights whose export leaves it open: ${arithmetics.join(', ')}; auto is columns where the CPU has instructions for it, else blocks: 8 bits where an answer stays independent of others; export keeps float32`,
    requirement: `one of ${arithmetics.join(', ')}`,
    schema: z.enum(arithmetics),
  }),
  kvCache: setting({
    env: 'STEERD_KV_CACHE',
    flag: '--kv-cache <type>',
    fallback: 'export',
    help: `how keys and values are kept on the CPU: ${kvCacheTypes.join(', ')}; int8 takes a quarter of the memory of float32, and answers differ a little`,
    requirement: `one of ${kvCacheTypes.join(', ')}`,
    schema: z.enum(kvCacheTypes),
  }),
  slots: setting({
    env: 'STEERD_SLOTS',
    flag: '--slots <number>',
    fallback: '16',
    help: 'sequences that run at once',
    requirement: 'an integer from 1 to 1024',
    schema: integer(1, 1024),
  }),
  context: setting({
    env: 'STEERD_CONTEXT',
    flag: '--context <tokens>',
    fallback: '0',
    help: "tokens of prompt and answer together; 0 takes the model's, or what the memory holds",
    requirement: 'an integer, 0 or from 16 to 1048576',
    schema: integer(0, 1_048_576).refine((tokens) => tokens === 0 || tokens >= 16),
  }),
  answerTokens: setting({
    env: 'STEERD_ANSWER_TOKENS',
    flag: '--answer-tokens <tokens>',
    fallback: '512',
    help: 'tokens of an answer to a chat that sets no max_tokens; 0 for what the context has room for',
    requirement: 'an integer from 0 to 1048576',
    schema: integer(0, 1_048_576),
  }),
  memory: setting({
    env: 'STEERD_MEMORY',
    flag: '--memory <megabytes>',
    fallback: '0',
    help: "memory for all models, weights and KV, in MiB; unused ones make room. 0 takes four fifths of the machine's, and does not insist on it",
    requirement: 'an integer from 0 to 1073741824',
    schema: integer(0, 1_073_741_824),
  }),
  idleSeconds: setting({
    env: 'STEERD_IDLE_SECONDS',
    flag: '--idle-seconds <seconds>',
    fallback: '0',
    help: 'unused for that long, a model other than the default one is unloaded; 0 for never',
    requirement: 'an integer from 0 to 31536000',
    schema: integer(0, 31_536_000),
  }),
  loadSeconds: setting({
    env: 'STEERD_LOAD_SECONDS',
    flag: '--load-seconds <seconds>',
    fallback: '60',
    help: 'how long a request waits for its model to be loaded before it is answered 503',
    requirement: 'an integer from 0 to 86400',
    schema: integer(0, 86_400),
  }),
  prefillChunk: setting({
    env: 'STEERD_PREFILL_CHUNK',
    flag: '--prefill-chunk <tokens>',
    fallback: '512',
    help: 'most prompt tokens read in one run; beside streams fewer, by what they may be held up',
    requirement: 'an integer from 1 to 65536',
    schema: integer(1, 65_536),
  }),
  prefixMemory: setting({
    env: 'STEERD_PREFIX_MEMORY',
    flag: '--prefix-memory <megabytes>',
    fallback: '256',
    help: 'memory of each model for beginnings of prompts that were read before, in MiB; 0 keeps none',
    requirement: 'an integer from 0 to 1048576',
    schema: integer(0, 1_048_576),
  }),
  draftTokens: setting({
    env: 'STEERD_DRAFT_TOKENS',
    flag: '--draft-tokens <number>',
    fallback: '0',
    help: 'most tokens that are guessed and computed together with the next one when a model writes one answer alone: what followed the last ones before, or what a schema forces. The answer stays the same. CPU only; 0 guesses none',
    requirement: 'an integer from 0 to 15',
    schema: integer(0, 15),
  }),
  sharePrefixes: setting({
    env: 'STEERD_SHARE_PREFIXES',
    flag: '--share-prefixes [boolean]',
    fallback: 'false',
    help: 'let requests with one API key use beginnings of prompts that those with another have read; how fast an answer begins then tells what others asked',
    requirement: 'true or false',
    schema: boolean,
  }),
  queue: setting({
    env: 'STEERD_QUEUE',
    flag: '--queue <number>',
    fallback: '256',
    help: 'sequences that may wait for a slot; more are answered 429',
    requirement: 'an integer from 0 to 1000000',
    schema: integer(0, 1_000_000),
  }),
  allowAnonymous: setting({
    env: 'STEERD_ALLOW_ANONYMOUS',
    flag: '--allow-anonymous [boolean]',
    fallback: 'false',
    help: 'answer without API keys on addresses other than loopback',
    requirement: 'true or false',
    schema: boolean,
  }),
  apiKey: setting({
    env: 'STEERD_API_KEY',
    flag: null,
    fallback: 'none',
    help: 'one API key, for everything, beside those of the keys file',
    requirement: 'at least 16 characters, none of them a space, and at most 256',
    schema: z
      .string()
      .regex(/^(none|[\x21-\x7e]{16,256})$/)
      .transform((value) => (value === 'none' ? '' : value)),
    secret: true,
  }),
  hubEndpoint: setting({
    env: 'HF_ENDPOINT',
    flag: '--hub <url>',
    fallback: 'https://huggingface.co',
    help: 'Hugging Face-compatible hub that models are pulled from; its token is in HF_TOKEN',
    requirement: 'a URL that begins with http:// or https://',
    schema: z.url({ protocol: /^https?$/ }),
  }),
  corsOrigins: setting({
    env: 'STEERD_CORS_ORIGINS',
    flag: '--cors-origins <origins>',
    fallback: 'none',
    help: 'web pages and desktop clients that may call the API: "none", "*" or origins such as https://a.example, app://obsidian.md or null, separated by commas',
    requirement:
      '"none", "*" or a comma-separated list of origins such as https://a.example or tauri://localhost',
    schema: commaList(/^(\*|null|[a-z][a-z0-9+.-]*:\/\/[^/\s]+)$/i),
  }),
  allowedHosts: setting({
    env: 'STEERD_ALLOWED_HOSTS',
    flag: '--allowed-hosts <names>',
    fallback: 'none',
    help: 'names under which a server without API keys answers, beside those of this machine: "none", "*" or names separated by commas',
    requirement: '"none", "*" or a comma-separated list of host names without ports',
    schema: commaList(/^(\*|[^\s:/@,]+|\[[0-9a-f:.]+\])$/i),
  }),
  requestSeconds: setting({
    env: 'STEERD_REQUEST_SECONDS',
    flag: '--request-seconds <seconds>',
    fallback: '600',
    help: 'how long a request may take from arrival to its last byte',
    requirement: 'an integer from 1 to 86400',
    schema: integer(1, 86_400),
  }),
  bodySeconds: setting({
    env: 'STEERD_BODY_SECONDS',
    flag: '--body-seconds <seconds>',
    fallback: '60',
    help: 'how long a request may take to come, headers and body, before it is answered 408',
    requirement: 'an integer from 1 to 86400',
    schema: integer(1, 86_400),
  }),
  readerSeconds: setting({
    env: 'STEERD_READER_SECONDS',
    flag: '--reader-seconds <seconds>',
    fallback: '30',
    help: 'how long a client may leave a reply unread before it is cut',
    requirement: 'an integer from 1 to 86400',
    schema: integer(1, 86_400),
  }),
  traceEndpoint: setting({
    env: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    flag: '--trace-endpoint <url>',
    fallback: 'none',
    help: 'OpenTelemetry collector (OTLP over HTTP) that gets a span per request, such as http://localhost:4318',
    requirement: '"none" or a URL that begins with http:// or https://',
    schema: z
      .string()
      .regex(/^(none|https?:\/\/\S+)$/)
      .transform((value) => (value === 'none' ? '' : value)),
  }),
  traceHeaders: setting({
    env: 'OTEL_EXPORTER_OTLP_HEADERS',
    flag: null,
    fallback: 'none',
    help: 'headers for the collector, such as its key: name=value, separated by commas, values percent-encoded',
    requirement: '"none" or a comma-separated list of name=value',
    schema: z
      .string()
      .transform((value) =>
        value === 'none' ? [] : value.split(',').map((part) => part.trim().split(/\s*=\s*(.*)/s, 2)),
      )
      .pipe(z.array(z.tuple([z.string().regex(/^[\w!#$%&'*+.^`|~-]+$/), percentDecoded])).max(100))
      .transform((pairs): Readonly<Record<string, string>> => Object.fromEntries(pairs)),
    secret: true,
  }),
  uploadLimit: setting({
    env: 'STEERD_UPLOAD_LIMIT',
    flag: '--upload-limit <megabytes>',
    fallback: '0',
    help: 'largest checkpoint that may be uploaded to /v1/models/import, in MiB; 0 takes none. It may take longer than --body-seconds, but must bring 64 KiB for each of them',
    requirement: 'an integer from 0 to 16777216',
    schema: integer(0, 16_777_216),
  }),
  responses: setting({
    env: 'STEERD_RESPONSES',
    flag: '--responses <number>',
    fallback: '1000',
    help: 'responses of /v1/responses kept for requests that refer to them: in memory; in a shared database so many of each key. 0 keeps none',
    requirement: 'an integer from 0 to 1000000',
    schema: integer(0, 1_000_000),
  }),
  drainDelay: setting({
    env: 'STEERD_DRAIN_DELAY',
    flag: '--drain-delay <seconds>',
    fallback: '0',
    help: 'how long requests are still taken after SIGTERM while /ready already says no, so that a balancer sends no more',
    requirement: 'an integer from 0 to 3600',
    schema: integer(0, 3600),
  }),
  takeJobs: setting({
    env: 'STEERD_TAKE_JOBS',
    flag: '--take-jobs [boolean]',
    fallback: 'true',
    help: 'with a database: work on fits, pulls and imports; false leaves them to other servers and to "steerd worker"',
    requirement: 'true or false',
    schema: boolean,
  }),
  metricsAddress: setting({
    env: 'STEERD_METRICS_ADDRESS',
    flag: '--metrics-address <address>',
    fallback: 'none',
    help: 'where /metrics and /health are answered besides, without keys, by "steerd worker" too: a port of this machine, such as 9464, or 0.0.0.0:9464',
    requirement: '"none", a port from 0 to 65535, or an address with one, such as 0.0.0.0:9464 or [::1]:9464',
    schema: z.string().trim().transform(listenAddress),
  }),
  shutdownSeconds: setting({
    env: 'STEERD_SHUTDOWN_SECONDS',
    flag: '--shutdown-seconds <seconds>',
    fallback: '30',
    help: 'how long running answers may go on after SIGTERM',
    requirement: 'an integer from 0 to 86400',
    schema: integer(0, 86_400),
  }),
  logLevel: setting({
    env: 'STEERD_LOG_LEVEL',
    common: 'LOG_LEVEL',
    flag: '--log-level <level>',
    fallback: 'info',
    help: `one of ${logLevels.join(', ')}`,
    requirement: `one of ${logLevels.join(', ')}`,
    schema: z.enum(logLevels),
  }),
  logSampling: setting({
    env: 'STEERD_LOG_SAMPLING',
    flag: '--log-sampling <share>',
    fallback: '1',
    help: 'share of the requests that went well whose lines are written to the log, from 0 to 1',
    requirement: 'a number from 0 to 1',
    schema: z
      .string()
      .regex(/^\d*\.?\d+$/)
      .transform(Number)
      .pipe(z.number().min(0).max(1)),
  }),
  bodyLimit: setting({
    env: 'STEERD_BODY_LIMIT',
    flag: '--body-limit <bytes>',
    fallback: String(4 * 1024 * 1024),
    help: 'largest request body in bytes; those of fits may have 4 times (at most 16 MiB), of vectors 16 times (64 MiB) as much',
    requirement: 'an integer from 1024 to 1073741824',
    schema: integer(1024, 1_073_741_824),
  }),
} as const;

export type SettingName = keyof typeof settingsTable;
export type Settings = { readonly [Name in SettingName]: z.output<(typeof settingsTable)[Name]['schema']> };

export const settingNames = Object.keys(settingsTable) as SettingName[];

/** Some settings have bad values; the message has a line for each. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** Variables of ours that are no settings: each is read where it is used. */
const otherVariables: readonly string[] = ['STEERD_CHAT_HISTORY', 'STEERD_JUDGE_KEY', 'STEERD_ORT_LIBRARY'];

/** What Kubernetes sets in every container beside a service called `steerd`: STEERD_PORT=tcp://10.0.0.1:8080 and more. */
const ofKubernetes = /^STEERD_(SERVICE_|PORT_)/;
const isServiceAddress = (value: string | undefined) => /^(tcp|udp|sctp):\/\//.test(value ?? '');

/** conda and some shells set HOST to the machine's kind, such as x86_64-conda-linux-gnu: no address to listen on. */
const platformTriplet =
  /^(x86_64|amd64|i[3-6]86|aarch64|arm64|armv\d\w*|ppc64le|s390x|riscv64)-[\w.]+(-[\w.]+)*$/;

/** The variable that a setting is read from: its own where that is set, else the common one. */
function variableOf(
  { env, common }: Pick<Setting<z.ZodType>, 'env' | 'common'>,
  environment: Readonly<Record<string, string | undefined>>,
): string {
  const isSet = (name: string) => {
    const value = environment[name]?.trim();
    return (
      Boolean(value) && !isServiceAddress(value) && !(name === 'HOST' && platformTriplet.test(value ?? ''))
    );
  };
  if (common === undefined || isSet(env)) return env;
  // A value that is passed over must not be read by the name that has it.
  return isSet(common) ? common : '';
}

/** A sentence for each variable that looks like a setting and is none. */
function misspelt(environment: Readonly<Record<string, string | undefined>>): string[] {
  const known = [...settingNames.map((name): string => settingsTable[name].env), ...otherVariables];
  return Object.keys(environment)
    .filter((name) => name.startsWith('STEERD_') && !known.includes(name) && !ofKubernetes.test(name))
    .map((name) => {
      const nearest = closest(name, known);
      return `there is no setting ${name}${nearest === undefined ? '' : `; did you mean ${nearest}?`} "steerd serve --help" lists them all.`;
    });
}

/**
 * Reads the settings.
 * @param flags values given on the command line, by property name
 * @throws ConfigError
 */
export function readSettings(
  environment: Readonly<Record<string, string | undefined>>,
  flags: Readonly<Partial<Record<SettingName, string>>> = {},
): Settings {
  const problems = misspelt(environment);
  const values: Partial<Record<SettingName, unknown>> = {};
  for (const name of settingNames) {
    const { flag, fallback, requirement, schema, secret, ...variables }: Setting<z.ZodType> =
      settingsTable[name];
    const given = flags[name];
    const env = variableOf(variables, environment);
    const received = given ?? (environment[env]?.trim() || fallback);
    const parsed = schema.safeParse(received);
    if (parsed.success) values[name] = parsed.data;
    else {
      const source =
        given === undefined || flag === null
          ? env || variables.env
          : `${flag.split(' ')[0]} (${variables.env})`;
      const told = secret ? `${received.length} characters` : shown(received);
      problems.push(`${source} must be ${requirement}; received ${told}.`);
    }
  }
  if (problems.length > 0) throw new ConfigError(problems.join('\n'));
  return values as Settings;
}
