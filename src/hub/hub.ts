/**
 * A Hugging Face-compatible hub over HTTP: what a repository holds at a revision, and its files' bytes. A request
 * is one try here; what may work at the next try is an `Interruption`, and all else a SteerdError.
 *
 * Redirects are followed by hand: the token goes to the hub's own origin and to no other, and no redirect leads
 * from https to http.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { errors, SteerdError } from '../errors.js';
import { packageVersion } from '../package-version.js';
import type { Checksum } from './checksum.js';

export interface HubSettings {
  /** Such as https://huggingface.co; a path may follow. */
  readonly endpoint: string;
  /** Sent to the endpoint's origin; '' for none. */
  readonly token: string;
  /** Milliseconds without a byte after which a connection is given up. */
  readonly silence?: number;
  /** Milliseconds before the second try; they double with each one that brought nothing. */
  readonly firstPause?: number;
}

export interface HubFile {
  readonly path: string;
  readonly bytes: number;
  readonly checksum: Checksum;
}

/** A repository at one commit. */
export interface Snapshot {
  readonly repository: string;
  readonly commit: string;
  readonly files: readonly HubFile[];
}

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

export interface FilePart {
  /** Where its bytes begin: 0 when the server sends the file whole. */
  readonly from: number;
  /** Tells one content of a file from another, if the server gives a strong one. */
  readonly etag: string | null;
  /** Throws Interruption when the connection breaks. */
  readonly chunks: AsyncIterable<Uint8Array>;
}

const Sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const Sha1 = z.string().regex(/^[0-9a-f]{40}$/);

/** Hugging Face Hub API, `GET /api/models/{repo}/revision/{revision}?blobs=true`. */
const ModelInfo = z.object({
  sha: z.string().regex(/^[0-9a-f]{7,64}$/),
  siblings: z.array(
    z.object({
      rfilename: z.string(),
      size: z.int().min(0).nullish(),
      blobId: Sha1.nullish(),
      lfs: z.object({ sha256: Sha256, size: z.int().min(0) }).nullish(),
    }),
  ),
});

const mostRedirects = 8;
const mostInfoBytes = 32 * 1024 * 1024;
/** Tries in a row that brought nothing new. */
const mostFailures = 6;
const longestPause = 30_000;
/** A hub that wants a longer wait than this is not waited for. */
const longestWaitSeconds = 300;
const worthAnotherTry: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

export class Hub {
  readonly endpoint: string;
  readonly #token: string;
  readonly #silence: number;
  readonly #firstPause: number;

  constructor({ endpoint, token, silence = 30_000, firstPause = 500 }: HubSettings) {
    this.endpoint = endpoint.replace(/\/+$/, '');
    this.#token = token;
    this.#silence = silence;
    this.#firstPause = firstPause;
  }

  /**
   * What the repository holds. Files without a checksum are left out: they could not be verified.
   * @throws SteerdError hub_model_not_found, hub_access_denied, hub_failed
   */
  snapshot(repository: string, revision: string, signal: AbortSignal): Promise<Snapshot> {
    const url = `${this.endpoint}/api/models/${repository}/revision/${encodeURIComponent(revision)}?blobs=true`;
    return this.persistently(repository, signal, async () => {
      const response = await this.#get(url, {}, signal);
      if (!response.ok) throw await this.#refusal(response, repository, revision);
      const pieces: Uint8Array[] = [];
      let bytes = 0;
      for await (const chunk of this.#chunks(response, signal)) {
        bytes += chunk.length;
        if (bytes > mostInfoBytes) throw errors.hubFailed(repository, 'its list of files is too long');
        pieces.push(chunk);
      }
      return toSnapshot(repository, Buffer.concat(pieces).toString());
    });
  }

  /**
   * Opens a file where `from` says, or at its beginning when the server cannot do that or has other content now.
   * @returns null when the server has nothing from there on
   * @throws Interruption, SteerdError
   */
  async open(
    { repository, commit }: Pick<Snapshot, 'repository' | 'commit'>,
    path: string,
    { from, etag }: { readonly from: number; readonly etag: string | null },
    signal: AbortSignal,
  ): Promise<FilePart | null> {
    const url = `${this.endpoint}/${repository}/resolve/${commit}/${path.split('/').map(encodeURIComponent).join('/')}`;
    const headers: Record<string, string> = {};
    if (from > 0) {
      headers.range = `bytes=${from}-`;
      if (etag !== null) headers['if-range'] = etag;
    }
    const response = await this.#get(url, headers, signal);
    if (response.status === 416) {
      await response.body?.cancel();
      return null;
    }
    if (!response.ok) throw await this.#refusal(response, repository, commit, path);
    const given = response.headers.get('etag');
    const part = { etag: given?.startsWith('"') ? given : null, chunks: this.#chunks(response, signal) };
    if (response.status !== 206) return { ...part, from: 0 };
    const start = /^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')?.[1];
    // A part in some encoding is not a part of the file.
    if (start === undefined || response.headers.has('content-encoding')) {
      await response.body?.cancel();
      return null;
    }
    return { ...part, from: Number(start) };
  }

  /**
   * Tries until it works, with longer and longer pauses. `attempt` may say that it got further before it broke off
   * by its `progress`: then counting begins anew.
   * @throws SteerdError hub_failed after too many tries that brought nothing; the signal's reason
   */
  async persistently<Result>(
    what: string,
    signal: AbortSignal,
    attempt: () => Promise<Result>,
    progress: () => number = () => 0,
  ): Promise<Result> {
    let failures = 0;
    let reached = progress();
    for (;;) {
      signal.throwIfAborted();
      try {
        return await attempt();
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof Interruption)) throw error;
        const now = progress();
        failures = now > reached ? 1 : failures + 1;
        reached = Math.max(reached, now);
        if (failures >= mostFailures) {
          throw errors.hubFailed(what, `${error.message} (${failures} tries in a row)`);
        }
        if (error.waitSeconds > longestWaitSeconds) {
          throw errors.hubFailed(what, `${error.message}; it asks to wait ${error.waitSeconds} s`);
        }
        const wait = Math.min(longestPause, this.#firstPause * 2 ** (failures - 1));
        const scattered = wait * (0.75 + Math.random() / 2);
        // It would end with an AbortError; the signal's own reason is told at the loop's beginning.
        await pause(Math.max(scattered, error.waitSeconds * 1000), null, { signal }).catch(() => {});
      }
    }
  }

  /** One request with its redirects. */
  async #get(url: string, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Response> {
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
      const response = await this.#fetch(at, ours, signal);
      const location = response.headers.get('location');
      if (response.status < 300 || response.status >= 400 || location === null) return response;
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
  async #fetch(url: URL, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Response> {
    const silent = new AbortController();
    const timer = setTimeout(() => silent.abort(), this.#silence);
    try {
      const either = AbortSignal.any([signal, silent.signal]);
      return await fetch(url, { redirect: 'manual', signal: either, headers });
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

  async *#chunks(response: Response, signal: AbortSignal): AsyncGenerator<Uint8Array> {
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

  /** What a status that is no success means. */
  async #refusal(response: Response, repository: string, revision: string, path?: string): Promise<Error> {
    await response.body?.cancel();
    const { status, headers } = response;
    // Hugging Face tells an unknown revision from an unknown repository by a header.
    const code = headers.get('x-error-code') ?? '';
    const reason = `${new URL(this.endpoint).host} answered ${status}`;
    if (worthAnotherTry.has(status)) return new Interruption(reason, secondsOf(headers.get('retry-after')));
    if (status === 404 || code === 'RepoNotFound') {
      return errors.hubModelNotFound(repository, revision, this.endpoint, path);
    }
    if (status === 401 || status === 403) {
      return errors.hubAccessDenied(repository, this.endpoint, {
        status,
        gated: code === 'GatedRepo',
        token: this.#token !== '',
      });
    }
    return errors.hubFailed(path === undefined ? repository : `${repository}/${path}`, reason);
  }
}

function toSnapshot(repository: string, json: string): Snapshot {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw errors.hubFailed(repository, 'its description is not JSON');
  }
  const parsed = ModelInfo.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw errors.hubFailed(
      repository,
      `its description is not what a hub says: ${issue?.path.join('.')} ${issue?.message}`,
    );
  }
  const files = parsed.data.siblings.flatMap(({ rfilename: path, size, blobId, lfs }): HubFile[] => {
    if (lfs) return [{ path, bytes: lfs.size, checksum: { kind: 'sha256', hex: lfs.sha256 } }];
    if (!blobId || size === null || size === undefined) return [];
    return [{ path, bytes: size, checksum: { kind: 'git-sha1', hex: blobId } }];
  });
  return { repository, commit: parsed.data.sha, files };
}

/** fetch hides what went wrong behind "fetch failed". */
function reasonOf(error: unknown): string {
  if (error instanceof SteerdError || !(error instanceof Error)) return String(error);
  const { cause } = error;
  if (!(cause instanceof Error)) return error.message;
  // Where several addresses failed there is a code and no message.
  return cause.message || (cause as NodeJS.ErrnoException).code || error.message;
}

/** Retry-After in seconds or as a date (RFC 9110, section 10.2.3). */
function secondsOf(retryAfter: string | null): number {
  if (retryAfter === null) return 0;
  if (/^\d+$/.test(retryAfter)) return Number(retryAfter);
  const date = Date.parse(retryAfter);
  return Number.isNaN(date) ? 0 : Math.max(0, (date - Date.now()) / 1000);
}
