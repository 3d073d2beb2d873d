/**
 * The API that a command talks to: a running server, or without one the same application inside this process, which
 * listens to nobody. Both answer the same requests, so that a command is written once.
 */
import { type Command, Option } from 'commander';
import { type SettingName, type Settings, settingsTable } from '../config.js';
import { serverName } from '../schemas/operations.js';
import type { Asked, Reply, Send } from './api-request.js';
import { untilInterrupted } from './interruption.js';
import { addSettings } from './settings-options.js';

/** A server's refusal, or that none answers. The exit codes are told in `steerd --help`. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  constructor(
    message: string,
    readonly exitCode: 1 | 2 | 3,
    /** Of the reply, where there was one. */
    readonly status?: number,
    /** The stable name of the refusal, where it has one. */
    readonly code?: string,
  ) {
    super(message);
  }
}

export class Api {
  /**
   * @param where the server's address; null for this process
   * @param named the model as a field of requests, where one was named: a server has a default of its own
   */
  constructor(
    readonly where: string | null,
    readonly named: { readonly model?: string },
    readonly signal: AbortSignal,
    private readonly send: Send,
  ) {}

  /** The path of the concepts of the model that is meant, or of what is under it. */
  concepts(under = '', query: object = {}): string {
    const asked = new URLSearchParams(Object.entries({ ...this.named, ...query })).toString();
    return `/v1/concepts${under}${asked === '' ? '' : `?${asked}`}`;
  }

  /** Id of the model that requests mean: the one that was named, else the server's default one. */
  async model(): Promise<string> {
    if (this.named.model !== undefined) return this.named.model;
    const { data } = await this.json<{ readonly data: readonly { readonly id: string }[] }>('/v1/models');
    const [first] = data;
    if (first === undefined) throw new ApiError('the server has no model that this key may use', 2);
    return first.id;
  }

  /** @throws ApiError with the server's own words */
  async bytes(path: string, asked: Asked = {}): Promise<Buffer> {
    return collect((await this.#open(path, asked)).body);
  }

  /** The reply as the API describes it: both ends are the same program. */
  async json<T>(path: string, asked: Asked = {}): Promise<T> {
    return JSON.parse((await this.bytes(path, asked)).toString()) as T;
  }

  /** The data of each server-sent event, as it comes. @throws ApiError also for an error within the stream */
  async *events<T extends object>(path: string, asked: Asked = {}): AsyncGenerator<T> {
    const { body } = await this.#open(path, asked);
    let rest = '';
    const decoder = new TextDecoder();
    for await (const chunk of body) {
      const blocks = (rest + decoder.decode(chunk, { stream: true })).split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) {
        const data = /^data: (.*)$/m.exec(block)?.[1];
        if (data === undefined || data === '[DONE]') continue;
        const value = JSON.parse(data) as T;
        const { error, object } = value as { error?: ErrorOfReply | null; object?: string };
        if (error && object === undefined)
          throw new ApiError(error.message ?? 'the answer broke off', 1, undefined, error.code ?? undefined);
        yield value;
      }
    }
  }

  /** Each line of a reply as it comes, without its end; one that nothing closes is left out. @throws ApiError */
  async *lines(path: string, asked: Asked = {}): AsyncGenerator<string> {
    const { body } = await this.#open(path, asked);
    const decoder = new TextDecoder();
    let rest = '';
    for await (const chunk of body) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      yield* lines;
    }
  }

  async #open(path: string, asked: Asked): Promise<Reply> {
    const reply = await this.send(path, asked, asked.signal ?? this.signal);
    if (reply.status < 300) return reply;
    throw refusal(reply.status, (await collect(reply.body)).toString(), path);
  }
}

/** What a server said instead of doing it. @param text the body of its reply */
export function refusal(status: number, text: string, path: string): ApiError {
  const { message, code } = errorOf(text);
  return new ApiError(
    message ?? `status ${status} of ${path}`,
    exitCodeOf(status),
    status,
    code ?? undefined,
  );
}

/** The key that servers are asked with; undefined or empty without one. */
export const apiKey = (): string | undefined => process.env[settingsTable.apiKey.env]?.trim();

const exitCodeOf = (status: number) => ([401, 403, 429, 503].includes(status) ? 3 : status < 500 ? 2 : 1);

interface ErrorOfReply {
  readonly message?: string;
  readonly code?: string | null;
}

function errorOf(text: string): ErrorOfReply {
  try {
    return (JSON.parse(text) as { error?: ErrorOfReply }).error ?? {};
  } catch {
    return {};
  }
}

async function collect(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export interface ApiOptions {
  readonly server?: string;
  readonly local?: boolean;
  readonly json?: boolean;
  /** As typed; what else names one, the environment, is for an application of one's own. */
  readonly model?: string;
}

/** Settings that an application inside this process is run with. */
const localSettings: readonly SettingName[] = ['model', 'modelsDirectory', 'dataDirectory', 'threads'];

/** Adds `--server` and `--local`. */
export const addServer = (command: Command): Command =>
  command
    .addOption(
      new Option(
        '--server <url>',
        'the server to ask (default: the one on the configured port if it answers, else this process)',
      ),
    )
    .option('--local', 'in this process, even when a server answers', false);

/** Adds `--server`, `--local`, `--json` and the settings of an application of one's own. */
export function addApi(command: Command): ReturnType<typeof addSettings> {
  addServer(command).option('--json', 'as JSON', false);
  return addSettings(command, localSettings);
}

/**
 * Runs `work` with the API, and closes what was opened for it whatever happens.
 * @param needs `model`: an application of this process is asked only when its model is loaded
 * @param stopped what the command says when it was stopped
 * @throws ApiError; Interrupted
 */
export function withApi<T>(
  options: ApiOptions,
  settings: Settings,
  work: (api: Api) => Promise<T>,
  needs: 'model' | 'nothing' = 'nothing',
  stopped = 'stopped',
): Promise<T> {
  return untilInterrupted(async (signal) => {
    const named = options.model === undefined ? {} : { model: settings.model };
    const url = await serverOf(options, settings);
    if (url !== null) return work(new Api(url, named, signal, overHttp(url)));
    // Only here: whoever asks a server need not wait until all of another one is in memory.
    const { ownApplication } = await import('./own-application.js');
    const own = await ownApplication(settings, needs);
    try {
      return await work(new Api(null, named, signal, own.send));
    } finally {
      await own.close();
    }
  }, stopped);
}

/** The server that the options mean; null for this process. */
export async function serverOf(
  { server, local }: Pick<ApiOptions, 'server' | 'local'>,
  settings: Settings,
): Promise<string | null> {
  return local ? null : (server ?? (await answering(settings)));
}

/** The server of this machine that the settings name, if it is there and ours. */
export async function answering({ host, port }: Pick<Settings, 'host' | 'port'>): Promise<string | null> {
  const reached = ['0.0.0.0', '::', '[::]'].includes(host) ? '127.0.0.1' : host;
  const url = `http://${reached.includes(':') && !reached.startsWith('[') ? `[${reached}]` : reached}:${port}`;
  try {
    // Where nobody listens this fails at once; who is busy gets time: a second model beside it would make that worse.
    const reply = await fetch(`${url}/version`, { signal: AbortSignal.timeout(3000) });
    // Other servers tell a version at this path as well.
    const { name } = (await reply.json()) as { name?: unknown };
    return reply.ok && name === serverName ? url : null;
  } catch {
    return null;
  }
}

function overHttp(url: string): Send {
  const base = url.replace(/\/+$/, '');
  const key = apiKey();
  return async (path, { method = 'GET', body }, signal) => {
    const bytes = body instanceof Uint8Array;
    try {
      const reply = await fetch(base + path, {
        method,
        signal,
        headers: {
          ...(key ? { authorization: `Bearer ${key}` } : {}),
          ...(body && { 'content-type': bytes ? 'application/octet-stream' : 'application/json' }),
        },
        ...(body && { body: bytes ? new Uint8Array(body) : JSON.stringify(body) }),
      });
      return { status: reply.status, body: whole(reply.body, base, signal) };
    } catch (error) {
      signal.throwIfAborted();
      const why = reasonOf(error);
      throw new ApiError(
        /TIMEOUT/.test(why)
          ? `the server at ${base} has not answered in time (${why})`
          : `no server answers at ${base} (${why}); start one with steerd serve`,
        3,
      );
    }
  };
}

/** What of a reply comes; one that breaks off says so. */
async function* whole(
  body: AsyncIterable<Uint8Array> | null,
  base: string,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  if (body === null) return;
  try {
    yield* body;
  } catch (error) {
    signal.throwIfAborted();
    throw new ApiError(`the server at ${base} broke off its reply (${reasonOf(error)})`, 3);
  }
}

/** What a system or Node calls it: fetch itself says no more than that it failed. */
function reasonOf(error: unknown): string {
  const { message, cause } = error as Error & { cause?: { code?: string } };
  return cause?.code ?? message;
}
