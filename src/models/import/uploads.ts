/**
 * Checkpoints that come over HTTP: each into a hidden folder of its own under the models directory, which becomes an import
 * when all of it is there. One that is broken off leaves nothing; what a process that was killed has left goes with the next upload.
 */
import { open, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { shownBytes } from '../../common/byte-size.js';
import { makeFolderDurably, syncFolder } from '../../common/durable-file.js';
import { fileFormat, fileKind } from '../../common/file-kind.js';
import { type FileLock, lockFile } from '../../common/file-lock.js';
import { errors } from '../../errors.js';
import { UploadFields } from '../../schemas/imports.js';
import { validated } from '../../schemas/validation.js';
import { explainedFault, freeBytes, refuseExisting } from '../disk/complete-model.js';
import { readManifest } from '../disk/manifest.js';
import { pullFolder } from '../disk/model-folders.js';
import { defaultPrecision, importName } from './import.js';
import { type BodyBounds, readBody } from './upload-body.js';
import { storeForm } from './upload-form.js';

export interface UploadSettings {
  /** Bytes of one upload. */
  readonly most: number;
  /** In each stretch of so many seconds an upload must move. */
  readonly seconds: number;
}

/** What a request says of its body. */
export interface UploadHead {
  readonly contentType: string | undefined;
  /** Undefined where the sender does not know it. */
  readonly contentLength: number | undefined;
  /** What a form may say as well. */
  readonly fields: UploadFields;
}

/** A checkpoint that has come. */
export interface Uploaded {
  /** Its folder, by its path under the models directory. */
  readonly path: string;
  /** What the sender calls its weights. */
  readonly file: string;
  readonly name: string;
  readonly precision: NonNullable<UploadFields['precision']>;
}

/** Uploads that come at once. */
const mostAtOnce = 4;
/** Left free on the disk, and looked at each time so much has been written. */
const [spareBytes, lookEvery] = [64 * 1024 * 1024, 64 * 1024 * 1024];
/** What nobody has imported for so long, nobody will. */
const forgottenAfter = 24 * 3600 * 1000;

const [coming, whole] = ['receiving-', 'upload-'] as const;

const uploadPath = (id: string): string => join(pullFolder, `${whole}${id}`);

/** Removes what was uploaded for an import. */
export async function removeUpload(modelsDirectory: string, id: string): Promise<void> {
  await rm(join(modelsDirectory, uploadPath(id)), { recursive: true, force: true });
  await rmdir(join(modelsDirectory, pullFolder)).catch(() => {});
}

export class Uploads {
  readonly #closing = new AbortController();
  #running = 0;

  constructor(
    private readonly modelsDirectory: string,
    private readonly settings: UploadSettings,
    /** Imports that are not over. */
    private readonly needed: () => Promise<readonly string[]>,
  ) {}

  /**
   * Resolves when the checkpoint is there, durable.
   * @param id of the import that it becomes
   * @throws SteerdError upload_too_large, uploads_busy, upload_invalid, request_timeout, model_exists, invalid_value, storage_failed
   */
  async receive(id: string, body: Readable, head: UploadHead): Promise<Uploaded> {
    const { modelsDirectory, settings } = this;
    if (this.#closing.signal.aborted) throw errors.stopping();
    const { contentLength = 0 } = head;
    if (contentLength > settings.most) throw errors.uploadTooLarge(settings.most);
    if (this.#running >= mostAtOnce) throw errors.uploadsBusy(mostAtOnce);
    this.#running++;
    const pulls = join(modelsDirectory, pullFolder);
    const folder = join(pulls, `${coming}${id}`);
    let lock: FileLock | undefined;
    try {
      if (head.fields.name !== undefined) await this.#refuseExisting(head.fields.name);
      await this.sweep();
      lock = await lockFile(`${folder}.lock`, errors.uploadInvalid);
      await makeFolderDurably(folder);
      await refuseFull(modelsDirectory, contentLength);
      const signal = AbortSignal.any([this.#closing.signal, lock.lost]);
      const received = await this.#store(body, head, folder, signal);
      await this.#refuseExisting(received.name);
      const path = uploadPath(id);
      await rename(folder, join(modelsDirectory, path));
      await syncFolder(pulls);
      return { ...received, path };
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw await explainedFault(error, modelsDirectory);
    } finally {
      this.#running--;
      await lock?.release();
      await rmdir(pulls).catch(() => {});
    }
  }

  remove(id: string): Promise<void> {
    return removeUpload(this.modelsDirectory, id);
  }

  /** Removes what uploads of processes that were killed have left. */
  async sweep(): Promise<void> {
    const pulls = join(this.modelsDirectory, pullFolder);
    const names = await readdir(pulls).catch((): string[] => []);
    for (const name of names) {
      if (name.endsWith('.lock')) continue;
      if (name.startsWith(coming)) await removeUnlocked(join(pulls, name));
      else if (name.startsWith(whole) && (await isForgotten(join(pulls, name)))) {
        const id = name.slice(whole.length);
        if (!(await this.needed()).includes(id)) await this.remove(id);
      }
    }
    await rmdir(pulls).catch(() => {});
  }

  /** Ends the uploads that are coming. */
  close(): void {
    this.#closing.abort(errors.stopping());
  }

  async #store(
    body: Readable,
    head: UploadHead,
    folder: string,
    signal: AbortSignal,
  ): Promise<Omit<Uploaded, 'path'>> {
    const { most, seconds } = this.settings;
    const bounds: BodyBounds = { most, seconds, signal };
    const look = lookingAtDisk(this.modelsDirectory);
    const { contentType = '' } = head;
    if (!/^multipart\/form-data\b/i.test(contentType)) {
      const name = importName('', head.fields.name ?? nameMissing('the query'));
      await storeGguf(body, join(folder, `${name}.gguf`), bounds, look);
      return { name, precision: head.fields.precision ?? defaultPrecision, file: `${name}.gguf` };
    }
    const form = await storeForm(body, contentType, folder, bounds, look);
    const said = validated(UploadFields, Object.fromEntries(form.fields));
    const { name, precision = defaultPrecision } = { ...head.fields, ...said };
    const file = form.files.find((one) => /\.(gguf|safetensors)$/i.test(one));
    if (file === undefined) throw errors.uploadInvalid('it has neither a .gguf nor a .safetensors file');
    const isGguf = /\.gguf$/i.test(file);
    return {
      name: importName(file, name ?? (isGguf ? undefined : nameMissing('a field or the query'))),
      precision,
      file,
    };
  }

  async #refuseExisting(name: string): Promise<void> {
    importName('', name);
    await refuseExisting(this.modelsDirectory, name, await readManifest(join(this.modelsDirectory, name)));
  }
}

function nameMissing(where: string): never {
  throw errors.invalidRequest(`name must be given in ${where}: what requests will call the model.`, 'name');
}

/** One GGUF file that is the whole of a body. */
async function storeGguf(
  body: Readable,
  path: string,
  bounds: BodyBounds,
  beforeWrite: (bytes: number) => Promise<void>,
): Promise<void> {
  const handle = await open(path, 'wx');
  try {
    let head: Uint8Array = new Uint8Array();
    const bytes = await readBody(body, bounds, async (chunk) => {
      // Not at the end, when gigabytes have come.
      if (head.length < 4) {
        head = Buffer.concat([head, chunk.subarray(0, 4096)]);
        if (head.length >= 4) refuseOthers(head);
      }
      await beforeWrite(chunk.length);
      await handle.writeFile(chunk);
    });
    if (bytes < 4) refuseOthers(head);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function refuseOthers(head: Uint8Array): void {
  if (fileFormat(head) === 'gguf') return;
  const kind = head.length === 0 ? 'empty' : (fileKind(head) ?? 'neither that nor anything known');
  throw errors.uploadInvalid(
    `it must be a GGUF file, or multipart/form-data with config.json, tokenizer.json and .safetensors files; it is ${kind}`,
  );
}

/** Whether the disk still has room, now and then: others write to it too. */
function lookingAtDisk(folder: string): (bytes: number) => Promise<void> {
  let since = 0;
  return async (bytes) => {
    since += bytes;
    if (since < lookEvery) return;
    since = 0;
    await refuseFull(folder, 0);
  };
}

async function refuseFull(folder: string, bytes: number): Promise<void> {
  const free = await freeBytes(folder);
  const needed = bytes + spareBytes;
  if (free < needed) throw errors.spaceMissing(folder, shownBytes(needed), shownBytes(free));
}

/** Whoever receives into it has its lock. */
async function removeUnlocked(folder: string): Promise<void> {
  const lock = await lockFile(`${folder}.lock`, errors.uploadInvalid).catch(() => null);
  if (lock === null) return;
  await rm(folder, { recursive: true, force: true });
  await lock.release();
}

const isForgotten = async (folder: string): Promise<boolean> =>
  Date.now() -
    (await stat(folder).then(
      ({ mtimeMs }) => mtimeMs,
      () => Date.now(),
    )) >
  forgottenAfter;
