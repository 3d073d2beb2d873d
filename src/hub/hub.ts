/**
 * A Hugging Face-compatible hub: what a repository holds at a revision, and its files' bytes (Hugging Face Hub API).
 */
import { z } from 'zod';
import { errors } from '../errors.js';
import type { Checksum } from './checksum.js';
import { Connection, type ConnectionSettings, Interruption } from './connection.js';
import { persistently } from './persistence.js';

export interface HubFile {
  readonly path: string;
  readonly bytes: number;
  readonly checksum: Checksum;
}

/** A file as the list of a repository has it: some hubs list names alone, and `described` asks for the rest. */
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

const mostInfoBytes = 32 * 1024 * 1024;
const worthAnotherTry: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

export interface HubSettings extends ConnectionSettings {
  /** Milliseconds before the second try; they double with each one that brought nothing. */
  readonly firstPause?: number;
  /** Hears why a try failed and how long it is until the next. */
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
   * What the repository holds.
   * @throws SteerdError hub_model_not_found, hub_access_denied, hub_failed
   */
  snapshot(repository: string, revision: string, signal: AbortSignal): Promise<Snapshot> {
    const url = `${this.endpoint}/api/models/${repository}/revision/${encodeURIComponent(revision)}?blobs=true`;
    return this.persistently(repository, signal, async () => {
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
   * Size and checksum of a file, asked for where the list did not tell.
   * @throws SteerdError hub_failed when the hub does not tell them at all: what came could not be verified
   */
  async described(
    snapshot: Pick<Snapshot, 'repository' | 'commit'>,
    { path, bytes, checksum }: ListedFile,
    signal: AbortSignal,
  ): Promise<HubFile> {
    if (bytes !== null && checksum !== null) return { path, bytes, checksum };
    const name = `${snapshot.repository}/${path}`;
    return this.persistently(name, signal, async () => {
      const response = await this.#connection.request('HEAD', this.#urlOf(snapshot, path), {}, signal);
      if (response.status >= 400)
        throw await this.#refusal(response, snapshot.repository, snapshot.commit, path);
      const { headers } = response;
      const size = headers.get('x-linked-size') ?? headers.get('content-length');
      const found = checksumOf(headers.get('x-linked-etag') ?? headers.get('etag'));
      if (size === null || found === null) throw errors.hubFailed(name, 'the hub tells no checksum of it');
      return { path, bytes: Number(size), checksum: found };
    });
  }

  #urlOf({ repository, commit }: Pick<Snapshot, 'repository' | 'commit'>, path: string): string {
    return `${this.endpoint}/${repository}/resolve/${commit}/${path.split('/').map(encodeURIComponent).join('/')}`;
  }

  /**
   * Opens a file where `from` says, or at its beginning when the server cannot do that or has other content now.
   * @returns null when the server has nothing from there on
   * @throws Interruption, SteerdError
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
    // A part in some encoding is not a part of the file.
    if (start === undefined || response.headers.has('content-encoding')) {
      await response.body?.cancel();
      return null;
    }
    return { ...part, from: Number(start) };
  }

  /** Tries an action of this hub again and again (persistence.ts). */
  persistently<Result>(
    what: string,
    signal: AbortSignal,
    attempt: () => Promise<Result>,
    progress?: () => number,
  ): Promise<Result> {
    const [firstPause, onInterruption] = [this.#firstPause, this.#onInterruption];
    return persistently({ what, signal, firstPause, onInterruption, ...(progress && { progress }) }, attempt);
  }

  /** What a status that is no success means. */
  async #refusal(response: Response, repository: string, revision: string, path?: string): Promise<Error> {
    await response.body?.cancel();
    const { status, headers } = response;
    // Hugging Face tells an unknown revision from an unknown repository by a header.
    const code = headers.get('x-error-code') ?? '';
    const reason = `${new URL(response.url).host} answered ${status}`;
    // Another host refuses a signature that ran out: the hub gives a new one.
    const elsewhere = new URL(response.url).origin !== new URL(this.endpoint).origin;
    if (worthAnotherTry.has(status) || elsewhere)
      return new Interruption(reason, secondsOf(headers.get('retry-after')));
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

/** An ETag that is a checksum: SHA-256 of large files, git's SHA-1 of small ones. */
function checksumOf(etag: string | null): Checksum | null {
  const hex = /^(?:W\/)?"?([0-9a-f]+)"?$/.exec(etag ?? '')?.[1];
  if (hex?.length === 64) return { kind: 'sha256', hex };
  return hex?.length === 40 ? { kind: 'git-sha1', hex } : null;
}

/** Retry-After in seconds or as a date (RFC 9110, section 10.2.3). */
function secondsOf(retryAfter: string | null): number {
  if (retryAfter === null) return 0;
  if (/^\d+$/.test(retryAfter)) return Number(retryAfter);
  const date = Date.parse(retryAfter);
  return Number.isNaN(date) ? 0 : Math.max(0, (date - Date.now()) / 1000);
}
