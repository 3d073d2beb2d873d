/**
 * Requests to a hub, one try each. Redirects are followed by hand: the token goes to the hub's own origin and to no
 * other, and no redirect leads from https to http. Whatever a network does is an `Interruption`.
 */

import { packageVersion } from '../common/package.js';
import { errors } from '../errors.js';

/** What may work at another try. */
export class Interruption extends Error {
  override readonly name = 'Interruption';
  constructor(
    message: string,
    /** The least wait that the server asked for. */
    readonly waitSeconds = 0,
  ) {
    super(message);
  }
}

type ByteReader = Pick<ReadableStreamDefaultReader<Uint8Array>, 'read' | 'cancel'>;

const mostRedirects = 8;

export interface ConnectionSettings {
  /** Such as https://huggingface.co; a path may follow. */
  readonly endpoint: string;
  /** Sent to the endpoint's origin; '' for none. */
  readonly token: string;
  /** Milliseconds without a byte after which a connection is given up. */
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
   * One request with its redirects.
   * @throws Interruption; SteerdError hub_failed; the signal's reason
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
        // Ranges count the file's bytes only where nothing is encoded.
        'accept-encoding': 'identity',
        ...(this.#token !== '' && at.origin === home && { authorization: `Bearer ${this.#token}` }),
      };
      const response = await this.#fetch(method, at, ours, signal);
      const location = response.headers.get('location');
      if (response.status < 300 || response.status >= 400 || location === null) return response;
      // What a hub tells of a file on its way to another host is what was asked for.
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

  /** The head of a response, waited for as long as silence may last. */
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

  /** The next bytes. A reader knows no signal, and `AbortSignal.any` is too dear for every one of them. */
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

  /** The bytes of a response. Throws Interruption when the connection breaks or falls silent. */
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
      // Also lets the connection go when the reader stops in the middle.
      await reader.cancel().catch(() => {});
    }
  }
}

/** fetch hides what went wrong behind "fetch failed". */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (!(cause instanceof Error)) return error.message;
  // Where several addresses failed there is a code and no message.
  return cause.message || (cause as NodeJS.ErrnoException).code || error.message;
}
