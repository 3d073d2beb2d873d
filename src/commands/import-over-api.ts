/** An import on a server that may be elsewhere: the checkpoint's files are sent to it, and the model is built there. */
import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { basename, dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { openCheckpoint } from '../checkpoint/open-checkpoint.js';
import { isDocument } from '../hub/documents.js';
import { importName } from '../models/import/import.js';
import type { ImportEvent, ImportJob, Precision } from '../schemas/imports.js';
import { type Api, ApiError, apiKey, refusal } from './api.js';
import type { DownloadProgress } from './download-progress.js';
import { followJob } from './follow-job.js';

interface Upload {
  readonly path: string;
  readonly precision: Precision;
  readonly name?: string | undefined;
}

interface SentFile {
  readonly path: string;
  readonly bytes: number;
}

/**
 * @returns the job, which has succeeded
 * @throws SteerdError when the checkpoint cannot be read here; ApiError when it was refused or has failed; Interrupted, when the server
 *   has stopped it too
 */
export async function importOverApi(
  api: Api,
  upload: Upload,
  progress: DownloadProgress,
): Promise<ImportJob> {
  const name = importName(upload.path, upload.name);
  const files = await filesOf(upload.path);
  const query = new URLSearchParams({ name, precision: upload.precision });
  const body = bodyOf(files);
  let done = 0;
  const sent = Readable.from(
    (async function* () {
      for await (const chunk of body.pieces) {
        yield chunk;
        done += chunk.length;
        progress.update({ stage: 'send', done, total: body.bytes });
      }
    })(),
    { objectMode: false },
  );
  const { id } = await put(api, `/v1/models/import?${query}`, body, sent);
  const path = `/v1/models/imports/${id}`;
  const show = (event: ImportEvent) => {
    if (event.type === 'progress') progress.update(event.data);
    else if (event.type === 'plan') progress.say(event.message);
  };
  return followJob<ImportJob, ImportEvent>(api, { path, cancel: [path, 'DELETE'], what: 'the import' }, show);
}

/** The files that make a checkpoint, which is tried here before gigabytes of it are sent. */
async function filesOf(path: string): Promise<SentFile[]> {
  const checkpoint = await openCheckpoint(path);
  await checkpoint.close();
  const { format, sources } = checkpoint;
  const folder = dirname(sources[0]?.path ?? path);
  if (format === 'gguf') return [...sources];
  const beside: SentFile[] = [];
  for (const name of await readdir(folder)) {
    if (!/\.(json|jinja)$/.test(name) && !isDocument(name)) continue;
    const found = await stat(join(folder, name)).catch(() => null);
    if (found?.isFile()) beside.push({ path: join(folder, name), bytes: found.size });
  }
  return [...beside, ...sources];
}

interface Body {
  readonly type: string;
  readonly bytes: number;
  readonly pieces: AsyncIterable<Uint8Array>;
}

/** One file is the body itself; several are a form. */
function bodyOf(files: readonly SentFile[]): Body {
  const [only] = files;
  if (only !== undefined && files.length === 1) {
    return { type: 'application/octet-stream', bytes: only.bytes, pieces: exactly(only) };
  }
  const boundary = `steerd-${randomBytes(12).toString('hex')}`;
  const heads = files.map(({ path }) =>
    Buffer.from(
      `--${boundary}\r\ncontent-disposition: form-data; name="files"; filename="${basename(path).replaceAll(/["\\]/g, '_')}"\r\ncontent-type: application/octet-stream\r\n\r\n`,
    ),
  );
  const [line, end] = [Buffer.from('\r\n'), Buffer.from(`--${boundary}--\r\n`)];
  async function* pieces() {
    for (const [i, file] of files.entries()) {
      yield heads[i] ?? line;
      yield* exactly(file);
      yield line;
    }
    yield end;
  }
  const framing = heads.reduce((sum, head) => sum + head.length + line.length, end.length);
  const bytes = files.reduce((sum, file) => sum + file.bytes, framing);
  return { type: `multipart/form-data; boundary=${boundary}`, bytes, pieces: pieces() };
}

/** @throws Error for a file that has become shorter; what it grew by is left out */
async function* exactly({ path, bytes }: SentFile): AsyncGenerator<Uint8Array> {
  if (bytes === 0) return;
  let left = bytes;
  for await (const chunk of createReadStream(path, { end: bytes - 1, highWaterMark: 256 * 1024 })) {
    left -= chunk.length;
    yield chunk;
  }
  if (left > 0) throw new Error(`${path} was cut off while it was sent`);
}

/** Not by `fetch`: a refusal may come while the body is still being sent, and must be read all the same. */
function put(api: Api, path: string, { type, bytes }: Body, body: Readable): Promise<ImportJob> {
  const base = (api.where ?? '').replace(/\/+$/, '');
  const key = apiKey();
  const request = base.startsWith('https:') ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    let answered = false;
    const sending = request(base + path, {
      method: 'PUT',
      signal: api.signal,
      headers: {
        'content-type': type,
        'content-length': bytes,
        ...(key && { authorization: `Bearer ${key}` }),
      },
    });
    const fail = (error: Error & { code?: string }) => {
      body.destroy();
      if (answered) return;
      if (api.signal.aborted) reject(api.signal.reason);
      else if (error.code === undefined) reject(error);
      else reject(new ApiError(`the connection to ${base} ended (${error.code}) before all was sent`, 3));
    };
    sending.on('error', fail);
    sending.on('response', (reply) => {
      answered = true;
      readAll(reply).then((text) => {
        body.destroy();
        const { statusCode: status = 500 } = reply;
        if (status < 300) resolve(JSON.parse(text) as ImportJob);
        else reject(refusal(status, text, path));
        if (!sending.writableFinished) sending.destroy();
      }, reject);
    });
    body.on('error', (error) => {
      sending.destroy();
      reject(api.signal.aborted ? api.signal.reason : error);
    });
    body.pipe(sending);
  });
}

async function readAll(reply: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of reply) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
