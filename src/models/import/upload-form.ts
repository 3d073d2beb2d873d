/**
 * A checkpoint's files from a form (multipart/form-data, RFC 7578), written to a folder as they come. What the form says is
 * not trusted: a file's name is one plain part of a path, no two are the same on any file system, and there are only so many.
 */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { Busboy, type BusboyInstance } from '@fastify/busboy';
import { errors, SteerdError, shown } from '../../errors.js';
import { isSafePath } from '../../hub/file-path.js';
import { type BodyBounds, readBody } from './upload-body.js';

/** A model of a trillion parameters has less than 200 files. */
const mostFiles = 512;
const mostFields = 8;
const fieldBytes = 1024;

export interface UploadedForm {
  readonly fields: ReadonlyMap<string, string>;
  /** The names of the files that were written. */
  readonly files: readonly string[];
}

/**
 * @param contentType with the boundary
 * @param folder an existing one; the files are durable in it
 * @param beforeWrite hears of the bytes of each piece
 * @throws SteerdError upload_invalid, and what `readBody` throws; the file system's error
 */
export async function storeForm(
  body: Readable,
  contentType: string,
  folder: string,
  bounds: BodyBounds,
  beforeWrite: (bytes: number) => Promise<void>,
): Promise<UploadedForm> {
  const fields = new Map<string, string>();
  const files: string[] = [];
  const coming = new Set<Readable>();
  const stop = new AbortController();
  let stored: Promise<void> = Promise.resolve();
  const form = openForm(contentType);
  const fail = (error: unknown) => {
    if (stop.signal.aborted) return;
    stop.abort(
      error instanceof SteerdError || isOfFileSystem(error) ? error : errors.uploadInvalid(reasonOf(error)),
    );
    for (const file of coming) file.destroy();
  };
  const refuse = (reason: string) => fail(errors.uploadInvalid(reason));
  form.on('file', (_field: string, file: Readable, name: string | undefined) => {
    coming.add(file);
    // At once: an error that nobody listens for would end the process.
    file.on('error', fail);
    const bad = badName(name, files);
    if (bad !== null) return refuse(bad);
    files.push(name ?? '');
    // One after the other: a piece of the body may begin many.
    stored = stored
      .then(() => storeFile(file, join(folder, name ?? ''), beforeWrite))
      .then(() => void coming.delete(file));
    stored.catch(fail);
  });
  form.on('field', (name: string | undefined, value: string, _: boolean, cut: boolean) => {
    if (name === undefined) refuse('it has a field without a name');
    else if (cut) refuse(`field ${shown(name)} has more than ${fieldBytes} bytes`);
    else if (fields.has(name)) refuse(`field ${shown(name)} is there twice`);
    else fields.set(name, value);
  });
  form.on('filesLimit', () => refuse(`it has more than ${mostFiles} files`));
  form.on('fieldsLimit', () => refuse(`it has more than ${mostFields} fields`));
  form.on('partsLimit', () => refuse(`it has more than ${mostFiles + mostFields} parts`));
  const finished = new Promise<void>((resolve) => form.on('finish', resolve));
  form.on('error', fail);
  const signal = AbortSignal.any([bounds.signal, stop.signal]);
  try {
    await readBody(body, { ...bounds, signal }, (chunk) => written(form, chunk));
    form.end();
    await Promise.race([finished, aborted(signal)]);
    await Promise.race([stored, aborted(signal)]);
    signal.throwIfAborted();
    return { fields, files };
  } catch (error) {
    fail(error);
    // What is being written is closed before anybody removes the folder.
    await stored.catch(() => {});
    throw stop.signal.reason;
  }
}

function openForm(contentType: string): BusboyInstance {
  const limits = {
    files: mostFiles,
    fields: mostFields,
    parts: mostFiles + mostFields,
    fieldSize: fieldBytes,
    headerPairs: 32,
    headerSize: 16 * 1024,
  };
  try {
    // The whole of each name: one that is cut to its last part would pass for another.
    return new Busboy({ headers: { 'content-type': contentType }, preservePath: true, limits });
  } catch (error) {
    throw errors.uploadInvalid(reasonOf(error));
  }
}

/** Why no file may be called that; null for a good name. */
function badName(name: string | undefined, others: readonly string[]): string | null {
  if (name === undefined || name === '') return 'it has a file without a name';
  if (name.includes('/') || !isSafePath(name))
    return `the name of a file must be one plain part of a path, without "/", a leading "." and unusual characters; received ${shown(name)}`;
  const same = (one: string) => one.normalize('NFC').toLowerCase();
  // Some file systems do not tell upper and lower case apart.
  return others.some((other) => same(other) === same(name)) ? `file ${shown(name)} is there twice` : null;
}

async function storeFile(
  file: Readable,
  path: string,
  beforeWrite: (bytes: number) => Promise<void>,
): Promise<void> {
  const handle = await open(path, 'wx');
  try {
    for await (const chunk of file as AsyncIterable<Uint8Array>) {
      await beforeWrite(chunk.length);
      await handle.writeFile(chunk);
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const written = (form: BusboyInstance, chunk: Uint8Array) =>
  new Promise<void>((resolve, reject) => {
    form.write(chunk, (error) => (error ? reject(error) : resolve()));
  });

const aborted = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => {
    const told = () => reject(signal.reason);
    if (signal.aborted) told();
    else signal.addEventListener('abort', told, { once: true });
  });

const isOfFileSystem = (error: unknown) => (error as NodeJS.ErrnoException).syscall !== undefined;

const reasonOf = (error: unknown) =>
  `it is no form: ${(error instanceof Error ? error.message : String(error)).replace(/\.$/, '')}`;
