/**
 * Checksums as hubs give them: SHA-256 of large files (Git LFS), and git's own object id of small ones, which is
 * the SHA-1 of `blob <size>\0` and the bytes (Git book, "Git Internals - Git Objects").
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';

export interface Checksum {
  readonly kind: 'sha256' | 'git-sha1';
  /** Lower-case hexadecimal digits. */
  readonly hex: string;
}

/** The SHA-256, and the other kind where it was asked for. */
export type FileSums = { readonly sha256: string; readonly 'git-sha1'?: string };

const chunkBytes = 1 << 20;

/**
 * The sums of a file in one pass: SHA-256, which manifests have, and the one that is wanted. Between two pieces of a megabyte everything else goes on.
 * @throws the signal's reason, or the file system's error
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
