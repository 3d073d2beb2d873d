/**
 * Keeps weights by column from one start to the next: a folder with a file for each form, named by all that the form
 * follows from. A file is written beside its place and renamed, so that several processes may share the folder; it
 * ends with a digest of itself, and one that is damaged is not used, but written again. The folder is bounded: the files
 * that were not used for the longest time go. Whatever fails here only costs what the file would have saved.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { processorKey } from '../../common/cpu-features.js';
import { ortVersion } from '../../ort/library.js';

/** To be raised whenever the same files and tokens give another form, or the file is laid out differently. */
const formatVersion = 2;
const extension = '.columns';
const temporary = '.tmp';

/** Forms that are kept, and their bytes together; the newest one is kept whatever it takes. */
const mostFiles = 8;
const mostBytes = 16 * 1024 ** 3;
/** A temporary file of that age was left behind by a crash. */
const leftoverMs = 24 * 3600 * 1000;

/** The file's end: bytes of the description before it, and a CRC-32 of all that comes before the CRC. */
const footerBytes = 8;
const chunkBytes = 1 << 20;

/**
 * Names a form by what it follows from: the model's files as they are now, the tokens, and what computes the peaks.
 * @param fingerprint of the model, which has only samples of its weights: so their files' sizes and times count too
 * @param more whatever else it depends on
 * @throws the file system's error
 */
export async function formKey(
  directory: string,
  files: readonly string[],
  fingerprint: string,
  more: readonly unknown[],
): Promise<string> {
  const stats = await Promise.all(
    files.map(async (file) => {
      const { size, ino, mtimeNs, ctimeNs } = await stat(join(directory, file), { bigint: true });
      return [file, size, ino, mtimeNs, ctimeNs].map(String);
    }),
  );
  const all = [formatVersion, ortVersion, processorKey(), fingerprint, stats, ...more];
  return createHash('sha256').update(JSON.stringify(all)).digest('hex').slice(0, 40);
}

/** @returns the file's path and its description as it was given to `keep`; null where there is none that is whole */
export async function findKept(folder: string, key: string): Promise<{ path: string; text: string } | null> {
  const path = join(folder, key + extension);
  try {
    const text = await readWhole(path);
    if (text === null) {
      await rm(path, { force: true });
      return null;
    }
    // Its last use, by which the folder is bounded. A folder that is read-only is not.
    await utimes(path, new Date(), new Date()).catch(() => {});
    return { path, text };
  } catch {
    return null;
  }
}

/** @returns the description at the end of a file, null when the file is damaged. */
async function readWhole(path: string): Promise<string | null> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const buffer = Buffer.allocUnsafe(chunkBytes);
    let crc = 0;
    for (let at = 0; at < size - 4; ) {
      const { bytesRead } = await file.read(buffer, 0, Math.min(chunkBytes, size - 4 - at), at);
      if (bytesRead === 0) return null;
      crc = crc32(buffer.subarray(0, bytesRead), crc);
      at += bytesRead;
    }
    const footer = Buffer.alloc(footerBytes);
    if (size < footerBytes) return null;
    await file.read(footer, 0, footerBytes, size - footerBytes);
    const length = footer.readUInt32LE(0);
    if (footer.readUInt32LE(4) !== crc || length > size - footerBytes) return null;
    const text = Buffer.alloc(length);
    await file.read(text, 0, length, size - footerBytes - length);
    return text.toString('utf8');
  } finally {
    await file.close();
  }
}

/**
 * A file of the folder that is being written, under a name of its own until `keep` puts it in its place.
 * @throws the file system's error, for a folder that cannot be written to
 */
export async function beginKept(folder: string, key: string) {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const name = `${key}.${randomBytes(6).toString('hex')}${temporary}`;
  const path = join(folder, name);
  return {
    folder,
    name,
    path,
    /** The file's weights are written: appends what they are, and gives the file its name. */
    keep: async (text: string) => {
      const file = await open(path, 'r+');
      try {
        const bytes = Buffer.from(text);
        const end = Buffer.alloc(bytes.length + 4);
        bytes.copy(end);
        end.writeUInt32LE(bytes.length, bytes.length);
        const { size } = await file.stat();
        await file.write(end, 0, end.length, size);
        const buffer = Buffer.allocUnsafe(chunkBytes);
        let crc = 0;
        for (let at = 0; at < size + end.length; ) {
          const { bytesRead } = await file.read(buffer, 0, chunkBytes, at);
          if (bytesRead === 0) break;
          crc = crc32(buffer.subarray(0, bytesRead), crc);
          at += bytesRead;
        }
        const last = Buffer.alloc(4);
        last.writeUInt32LE(crc);
        await file.write(last, 0, 4, size + end.length);
      } finally {
        await file.close();
      }
      await rename(path, join(folder, key + extension));
      await bound(folder, key + extension);
    },
    discard: () => rm(path, { force: true }),
  };
}

/** Removes what is too much for the folder, and what crashes left in it. A mapped file stays readable without its name. */
async function bound(folder: string, newest: string): Promise<void> {
  const names = await readdir(folder);
  const found = await Promise.all(
    names.map(async (name) => {
      const { mtimeMs = 0, size = 0 } = (await stat(join(folder, name)).catch(() => null)) ?? {};
      return { name, used: name === newest ? Number.POSITIVE_INFINITY : mtimeMs, size };
    }),
  );
  const forms = found.filter(({ name }) => name.endsWith(extension)).sort((a, b) => b.used - a.used);
  let bytes = 0;
  const tooMuch = forms.filter(({ size }, index) => {
    bytes += size;
    return index > 0 && (index >= mostFiles || bytes > mostBytes);
  });
  const old = Date.now() - leftoverMs;
  const left = found.filter(({ name, used }) => name.endsWith(temporary) && used < old);
  await Promise.all([...tooMuch, ...left].map(({ name }) => rm(join(folder, name), { force: true })));
}
