/**
 * A client of a Hugging Face-compatible hub: lists the files of a repository at a revision and opens them for download
 * (Hugging Face Hub API).
 */

import { z } from 'zod';
import { retryAfter } from '../common/backoff.js';
import { errors } from '../errors.js';
import type { Checksum } from './checksum.js';
import { Connection, type ConnectionSettings, Interruption } from './connection.js';
import { retryInterrupted } from './retry.js';

/** A file of which everything is known that a download needs. */
export interface HubFile {
  readonly path: string;
  readonly bytes: number;
  readonly checksum: Checksum;
}

/** A file as a repository's list has it. Some hubs list names only; `described` asks for the rest. */
export interface ListedFile {
  readonly path: string;
  readonly bytes: number | null;
  readonly checksum: Checksum | null;
}

/** A repository at one commit. */
export interface Snapshot {
  readonly repository: string;
  readonly commit: string;
  readonly files: readonly ListedFile[];
}

/** The bytes of a file from some position on. */
interface FilePart {
  /** The position of the first byte: 0 when the server sends the whole file. */
  readonly from: number;
  /** The strong ETag, if the server gives one: it changes with the file's content. */
  readonly etag: string | null;
  /** Iterating throws Interruption when the connection breaks. */
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

const mostInfoBytes = 32 * 1024 * 1024;
/** HTTP statuses after which a retry may succeed. */
const retryable: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

export interface HubSettings extends ConnectionSettings {
  /** Milliseconds before the first retry; they double with each try that made no progress. */
  readonly firstPause?: number;
  /** Called with the reason why a try failed and the seconds until the next. */
  readonly onInterruption?: ((reason: string, seconds: number) => void) | undefined;
}

export class Hub {
  readonly #connection: Connection;
  readonly #firstPause: number;
  readonly #onInterruption: HubSettings['onInterruption'];

  constructor({ firstPause = 500, onInterruption, ...settings }: HubSettings) {
    this.#connection = new Connection(settings);
    this.#firstPause = firstPause;
    this.#onInterruption = onInterruption;
  }

  get endpoint(): string {
    return this.#connection.endpoint;
  }

  /**
   * Lists the files of a repository. `revision` is a branch, a tag or a commit.
   * @throws SteerdError hub_model_not_found, hub_access_denied, hub_failed
   */
  snapshot(repository: string, revision: string, signal: AbortSignal): Promise<Snapshot> {
    const url = `${this.endpoint}/api/models/${repository}/revision/${encodeURIComponent(revision)}?blobs=true`;
    return this.withRetries(repository, signal, async () => {
      const response = await this.#connection.request('GET', url, {}, signal);
      if (!response.ok) throw await this.#refusal(response, repository, revision);
      const pieces: Uint8Array[] = [];
      let bytes = 0;
      for await (const chunk of this.#connection.chunks(response, signal)) {
        bytes += chunk.length;
        if (bytes > mostInfoBytes) throw errors.hubFailed(repository, 'its list of files is too long');
        pieces.push(chunk);
      }
      return toSnapshot(repository, Buffer.concat(pieces).toString());
    });
  }

  /**
   * A file with its size and checksum, which the hub is asked for if the list did not have them.
   * @throws SteerdError hub_failed when the hub gives no checksum: a download could not be verified
   */
  async described(
    snapshot: Pick<Snapshot, 'repository' | 'commit'>,
    { path, bytes, checksum }: ListedFile,
    signal: AbortSignal,
  ): Promise<HubFile> {
    if (bytes !== null && checksum !== null) return { path, bytes, checksum };
    const name = `${snapshot.repository}/${path}`;
    return this.withRetries(name, signal, async () => {
      const response = await this.#connection.request('HEAD', this.#urlOf(snapshot, path), {}, signal);
      if (response.status >= 400)
        throw await this.#refusal(response, snapshot.repository, snapshot.commit, path);
      const { headers } = response;
      const size = headers.get('x-linked-size') ?? headers.get('content-length');
      const found = checksumOf(headers.get('x-linked-etag') ?? headers.get('etag'));
      if (size === null || !/^\d{1,15}$/.test(size) || found === null)
        throw errors.hubFailed(name, 'the hub tells no checksum of it');
      return { path, bytes: Number(size), checksum: found };
    });
  }

  #urlOf({ repository, commit }: Pick<Snapshot, 'repository' | 'commit'>, path: string): string {
    return `${this.endpoint}/${repository}/resolve/${commit}/${path.split('/').map(encodeURIComponent).join('/')}`;
  }

  /**
   * Opens a file at position `from`, or at its beginning when the server does not support ranges or the ETag has
   * changed.
   * @returns null when the file does not reach that far, or the server's answer is unusable
   * @throws Interruption; SteerdError hub_model_not_found, hub_access_denied, hub_failed; the signal's reason
   */
  async open(
    snapshot: Pick<Snapshot, 'repository' | 'commit'>,
    path: string,
    { from, etag }: { readonly from: number; readonly etag: string | null },
    signal: AbortSignal,
  ): Promise<FilePart | null> {
    const { repository, commit } = snapshot;
    const headers: Record<string, string> = {};
    if (from > 0) {
      headers.range = `bytes=${from}-`;
      if (etag !== null) headers['if-range'] = etag;
    }
    const response = await this.#connection.request('GET', this.#urlOf(snapshot, path), headers, signal);
    if (response.status === 416) {
      await response.body?.cancel();
      return null;
    }
    if (!response.ok) throw await this.#refusal(response, repository, commit, path);
    const given = response.headers.get('etag');
    const part = {
      etag: given?.startsWith('"') ? given : null,
      chunks: this.#connection.chunks(response, signal),
    };
    if (response.status !== 206) return { ...part, from: 0 };
    const start = /^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')?.[1];
    // A range of an encoded file is not a range of the file.
    if (start === undefined || response.headers.has('content-encoding')) {
      await response.body?.cancel();
      return null;
    }
    return { ...part, from: Number(start) };
  }

  /** Retries an action on this hub as long as it is interrupted (retry.ts). */
  withRetries<Result>(
    what: string,
    signal: AbortSignal,
    attempt: () => Promise<Result>,
    progress?: () => number,
  ): Promise<Result> {
    const [firstPause, onInterruption] = [this.#firstPause, this.#onInterruption];
    return retryInterrupted(
      { what, signal, firstPause, onInterruption, ...(progress && { progress }) },
      attempt,
    );
  }

  /** The error for a response that is not a success. */
  async #refusal(response: Response, repository: string, revision: string, path?: string): Promise<Error> {
    await response.body?.cancel();
    const { status, headers } = response;
    // Hugging Face distinguishes an unknown repository from an unknown revision by a header.
    const code = headers.get('x-error-code') ?? '';
    const reason = `${new URL(response.url).host} answered ${status}`;
    // A storage host refuses an expired signature; with a retry the hub signs a new URL.
    const elsewhere = new URL(response.url).origin !== new URL(this.endpoint).origin;
    if (retryable.has(status) || elsewhere)
      return new Interruption(reason, retryAfter(headers.get('retry-after')));
    if (status === 404 || code === 'RepoNotFound') {
      return errors.hubModelNotFound(repository, revision, this.endpoint, path);
    }
    if (status === 401 || status === 403) {
      return errors.hubAccessDenied(repository, this.endpoint, {
        status,
        gated: code === 'GatedRepo',
        token: this.#connection.hasToken,
      });
    }
    return errors.hubFailed(path === undefined ? repository : `${repository}/${path}`, reason);
  }
}

/** Parses the hub's description of a repository. @throws SteerdError hub_failed */
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
  const files = parsed.data.siblings.map(({ rfilename: path, size, blobId, lfs }): ListedFile => {
    if (lfs) return { path, bytes: lfs.size, checksum: { kind: 'sha256', hex: lfs.sha256 } };
    return { path, bytes: size ?? null, checksum: blobId ? { kind: 'git-sha1', hex: blobId } : null };
  });
  return { repository, commit: parsed.data.sha, files };
}

/** The checksum in an ETag: a SHA-256 for large files, git's SHA-1 for small ones; null when it is neither. */
function checksumOf(etag: string | null): Checksum | null {
  const hex = /^(?:W\/)?"?([0-9a-f]+)"?$/.exec(etag ?? '')?.[1];
  if (hex?.length === 64) return { kind: 'sha256', hex };
  return hex?.length === 40 ? { kind: 'git-sha1', hex } : null;
}
