/**
 * The checksums that hubs give for files: SHA-256 for large ones (Git LFS), and git's object id for small ones, which
 * is the SHA-1 of `blob <size>\0` followed by the bytes (Pro Git, "Git Internals - Git Objects").
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';

export interface Checksum {
  readonly kind: 'sha256' | 'git-sha1';
  /** Lower-case hexadecimal digits. */
  readonly hex: string;
}

/** A file's SHA-256, and its git object id if that was asked for; in lower-case hexadecimal digits. */
export type FileSums = { readonly sha256: string; readonly 'git-sha1'?: string };

const chunkBytes = 1 << 20;

/**
 * Computes a file's checksums in one pass: always the SHA-256, which manifests record, and the kind that is wanted. It
 * reads a megabyte at a time and lets the event loop run in between.
 * @throws the signal's reason; the file system's error
 */
export async function sumFile(
  file: string,
  wanted: Checksum['kind'],
  signal?: AbortSignal,
): Promise<FileSums> {
  const { size } = await stat(file);
  const sha256 = createHash('sha256');
  const git = wanted === 'git-sha1' ? createHash('sha1').update(`blob ${size}\0`) : null;
  const chunks = createReadStream(file, { highWaterMark: chunkBytes }) as AsyncIterable<Buffer>;
  for await (const chunk of chunks) {
    signal?.throwIfAborted();
    sha256.update(chunk);
    git?.update(chunk);
  }
  return { sha256: sha256.digest('hex'), ...(git && { 'git-sha1': git.digest('hex') }) };
}
