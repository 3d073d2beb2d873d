/**
 * Sends requests to a hub, without retries. Redirects are followed here, not by fetch: the token is sent to the hub's
 * own origin only, and no redirect from https to http is followed. A failure of the network is thrown as an
 * `Interruption`.
 */
import { packageVersion } from '../common/package.js';
import { errors } from '../errors.js';

/** A failure that a retry may overcome. */
export class Interruption extends Error {
  override readonly name = 'Interruption';
  constructor(
    message: string,
    /** How long the server asked to wait before a retry; 0 if it did not. */
    readonly waitSeconds = 0,
  ) {
    super(message);
  }
}

type ByteReader = Pick<ReadableStreamDefaultReader<Uint8Array>, 'read' | 'cancel'>;

const mostRedirects = 8;

export interface ConnectionSettings {
  /** The hub's URL, such as https://huggingface.co; it may have a path. */
  readonly endpoint: string;
  /** The API token; '' for none. */
  readonly token: string;
  /** Milliseconds without a byte after which a connection counts as interrupted. */
  readonly silence?: number;
}

export class Connection {
  readonly endpoint: string;
  readonly hasToken: boolean;
  readonly #token: string;
  readonly #silence: number;

  constructor({ endpoint, token, silence = 30_000 }: ConnectionSettings) {
    this.endpoint = endpoint.replace(/\/+$/, '');
    this.hasToken = token !== '';
    this.#token = token;
    this.#silence = silence;
  }

  /**
   * Sends a request and follows its redirects.
   * @returns a response of any status but a redirect
   * @throws Interruption; SteerdError hub_failed for bad redirects; the signal's reason
   */
  async request(
    method: 'GET' | 'HEAD',
    url: string,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<Response> {
    const home = new URL(this.endpoint).origin;
    let at = new URL(url);
    for (let hop = 0; hop <= mostRedirects; hop++) {
      const ours = {
        ...headers,
        'user-agent': `steerd/${packageVersion}`,
        // With a content encoding, ranges would not count the file's own bytes.
        'accept-encoding': 'identity',
        ...(this.#token !== '' && at.origin === home && { authorization: `Bearer ${this.#token}` }),
      };
      const response = await this.#fetch(method, at, ours, signal);
      const location = response.headers.get('location');
      if (response.status < 300 || response.status >= 400 || location === null) return response;
      // The hub describes a large file in the headers of its redirect to the storage host.
      if (method === 'HEAD' && response.headers.has('x-linked-etag')) return response;
      await response.body?.cancel();
      const next = new URL(location, at);
      if (!/^https?:$/.test(next.protocol) || (at.protocol === 'https:' && next.protocol === 'http:')) {
        throw errors.hubFailed(at.host, `it redirects from ${at.protocol}// to ${next.protocol}//`);
      }
      at = next;
    }
    throw errors.hubFailed(home, `it redirects more than ${mostRedirects} times`);
  }

  /** Sends one request and waits for the response's head. */
  async #fetch(
    method: 'GET' | 'HEAD',
    url: URL,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<Response> {
    const silent = new AbortController();
    const timer = setTimeout(() => silent.abort(), this.#silence);
    try {
      const either = AbortSignal.any([signal, silent.signal]);
      return await fetch(url, { method, redirect: 'manual', signal: either, headers });
    } catch (error) {
      signal.throwIfAborted();
      throw silent.signal.aborted ? this.#silent() : new Interruption(`${url.host}: ${reasonOf(error)}`);
    } finally {
      clearTimeout(timer);
    }
  }

  /** The next chunk. A reader takes no signal, and creating an `AbortSignal.any` for each chunk costs too much. */
  #read(reader: ByteReader, signal: AbortSignal): Promise<Awaited<ReturnType<ByteReader['read']>>> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(this.#silent()), this.#silence);
      const abort = () => reject(signal.reason);
      signal.addEventListener('abort', abort, { once: true });
      reader
        .read()
        .then(resolve, (error) =>
          reject(
            signal.aborted ? signal.reason : new Interruption(`the connection broke (${reasonOf(error)})`),
          ),
        )
        .finally(() => {
          clearTimeout(timer);
          signal.removeEventListener('abort', abort);
        });
      if (signal.aborted) abort();
    });
  }

  #silent(): Interruption {
    return new Interruption(`no byte came for ${this.#silence / 1000} s`);
  }

  /**
   * The chunks of a response's body.
   * @throws Interruption when the connection breaks or is silent; the signal's reason
   */
  async *chunks(response: Response, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    if (response.body === null) return;
    const reader: ByteReader = response.body.getReader();
    try {
      for (;;) {
        const { done, value } = await this.#read(reader, signal);
        if (done) return;
        yield value;
      }
    } finally {
      // Closes the connection when the consumer stops early.
      await reader.cancel().catch(() => {});
    }
  }
}

/** The cause of an error: fetch's own message is only "fetch failed". */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (!(cause instanceof Error)) return error.message;
  // The error of several failed addresses has a code and no message.
  return cause.message || (cause as NodeJS.ErrnoException).code || error.message;
}
