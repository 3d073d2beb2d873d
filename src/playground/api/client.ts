/**
 * The API as the page calls it: JSON in and out, streams as they come, errors as `ApiError`. Paths are relative to the page
 * (`v1/models`), so that everything works behind a proxy with a path of its own. A key is asked for when one is needed.
 */
import type { ErrorBody } from '../../schemas/errors.js';
import { ApiError, isAbort, refusal } from './errors.js';
import { askForKey, keyHeaders } from './key.js';
import { type ServerEvent, serverEvents } from './sse.js';

/** Where the server is: the page's own folder. Ends with a slash. */
export const serverUrl = (): string => new URL('.', location.href.replace(/[?#].*$/, '')).href;

export interface CallOptions {
  readonly signal?: AbortSignal;
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

interface Call extends CallOptions {
  readonly method: Method;
  /** Sent as JSON; bytes and text go as they are, with `type`. */
  readonly body?: unknown;
  readonly type?: string;
}

/**
 * Any call, with its reply as fetch gives it.
 * @throws ApiError for every status from 400 on and where the server cannot be reached; AbortError when stopped
 */
export async function call(path: string, { method, body, type, signal }: Call): Promise<Response> {
  const raw = type !== undefined;
  const send = () =>
    fetch(serverUrl() + path, {
      method,
      headers: {
        ...keyHeaders(),
        ...(body === undefined ? {} : { 'content-type': type ?? 'application/json' }),
      },
      ...(body === undefined ? {} : { body: raw ? (body as BodyInit) : JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    }).catch((error: unknown) => {
      if (isAbort(error)) throw error;
      throw new ApiError(0, 'unreachable', 'The server cannot be reached.');
    });
  let reply = await send();
  while (reply.status === 401) {
    const error = await refusal(reply);
    if (!(await askForKey(error.message))) throw error;
    reply = await send();
  }
  if (!reply.ok) throw await refusal(reply);
  return reply;
}

const json = async <Reply>(path: string, options: Call): Promise<Reply> => {
  const reply = await call(path, options);
  return (reply.status === 204 ? undefined : await reply.json()) as Reply;
};

export const get = <Reply>(path: string, options: CallOptions = {}) =>
  json<Reply>(path, { ...options, method: 'GET' });
export const post = <Reply>(path: string, body?: unknown, options: CallOptions = {}) =>
  json<Reply>(path, { ...options, method: 'POST', body });
export const remove = <Reply>(path: string, options: CallOptions = {}) =>
  json<Reply>(path, { ...options, method: 'DELETE' });

/**
 * The events of a GET, such as a fit's progress.
 * @throws ApiError also for an error that comes as the stream's last event
 */
export async function* events(path: string, options: CallOptions = {}): AsyncGenerator<ServerEvent, void> {
  const { body } = await call(path, { ...options, method: 'GET' });
  if (body === null) return;
  for await (const event of serverEvents(body)) {
    // Those of a job have names.
    if (event.event === 'message') throwIfError(JSON.parse(event.data) as MaybeError);
    yield event;
  }
}

interface MaybeError {
  readonly error?: ErrorBody['error'];
}

function throwIfError({ error }: MaybeError): void {
  if (error) throw new ApiError(500, error.code ?? 'unknown', error.message, error.param);
}

/**
 * The chunks of a POST with `stream`, until `[DONE]`.
 * @throws ApiError also for an error that comes as the stream's last event
 */
export async function* stream<Chunk extends object>(
  path: string,
  request: unknown,
  options: CallOptions = {},
): AsyncGenerator<Chunk, void> {
  const { body } = await call(path, { ...options, method: 'POST', body: request });
  if (body === null) return;
  for await (const { data } of serverEvents(body)) {
    // Read on to the end of the body: leaving it would break the connection.
    if (data === '[DONE]') continue;
    const chunk = JSON.parse(data) as MaybeError;
    throwIfError(chunk);
    yield chunk as Chunk;
  }
}

/** Hands a file to the browser's downloads. */
export function saveFile(name: string, contents: Blob): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(contents);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
