/**
 * Makes a model of a checkpoint: its graph is built in a hidden folder that is named after the checkpoint and the
 * precision, the tokenizer's files are put beside it, everything is tried, and the folder is renamed to the model's. A
 * build that was killed, or whose server stops, is gone on with; one that is cancelled or fails leaves nothing.
 */
import { createHash } from 'node:crypto';
import { copyFile, mkdir, readdir, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { Checkpoint } from '../../checkpoint/checkpoint.js';
import { nameOfCheckpoint, openCheckpoint } from '../../checkpoint/open-checkpoint.js';
import { shownBytes } from '../../common/byte-size.js';
import { makeFolderDurably, syncFile } from '../../common/durable-file.js';
import { isModelName, modelNameExpected } from '../../common/names.js';
import { packageVersion } from '../../common/package.js';
import { errors } from '../../errors.js';
import { sumFile } from '../../hub/checksum.js';
import { isDocument } from '../../hub/documents.js';
import type { Precision } from '../../schemas/imports.js';
import { readTokenizer } from '../../text/huggingface-tokenizer.js';
import { completeModel, explainedFault, freeBytes, refuseExisting } from '../disk/complete-model.js';
import { readExport } from '../disk/export-check.js';
import { type BuiltManifest, readManifest } from '../disk/manifest.js';
import { lockOf, pullFolder, stagingOf } from '../disk/model-folders.js';
import { lockPull, type PullLock } from '../disk/pull-lock.js';
import type { Builder } from './builder.js';
import { refuseTwinIds } from './tokenizer-check.js';

export interface ImportRequest {
  /** A GGUF file, a folder with config.json and safetensors, or a folder of a Hugging Face cache. */
  readonly path: string;
  readonly precision?: Precision | undefined;
  /** Folder and id it gets; the checkpoint's own name when left out. */
  readonly name?: string | undefined;
  /** Where on a hub the checkpoint came from. */
  readonly hub?: BuiltManifest['checkpoint']['hub'];
}

export interface ImportProgress {
  readonly stage: 'build' | 'check';
  /** Bytes of the checkpoint that have been built in, or of the model that have been read again. */
  readonly done: number;
  readonly total: number;
}

export interface ImportOptions {
  readonly builder: Builder;
  readonly modelsDirectory: string;
  readonly signal: AbortSignal;
  /** Whether somebody will go on with a build that is stopped; nothing is left of it otherwise. */
  readonly goesOn?: () => boolean;
  /** Hears what the checkpoint is, before anything is built. */
  readonly onPlan?: (plan: ImportPlan) => void;
  readonly onProgress?: (progress: ImportProgress) => void;
}

export interface ImportPlan {
  readonly architecture: string;
  readonly format: Checkpoint['format'];
  readonly precision: Precision;
  /** Bytes of the checkpoint's weights, and of the model's, about. */
  readonly from: number;
  readonly to: number;
}

export interface Imported {
  readonly name: string;
  readonly folder: string;
  readonly manifest: BuiltManifest;
}

export const defaultPrecision: Precision = 'int8';

/** Bytes of a licence or a description. */
const largestDocument = 4 * 1024 * 1024;

/** The manifest, folders and the tokenizer's files take some too. */
const spareBytes = 64 * 1024 * 1024;

/** What requests would call a checkpoint at this path. @throws SteerdError invalid_value */
export function importName(path: string, name: string | undefined): string {
  const own = name ?? nameOfCheckpoint(resolve(path));
  if (!isModelName(own)) throw errors.invalidValue('name', modelNameExpected, own);
  return own;
}

/**
 * Resolves when the model is in its folder, durable.
 * @throws SteerdError checkpoint_invalid, model_unsupported, model_exists, pull_running, storage_failed; the signal's
 *   reason
 */
export async function importModel(request: ImportRequest, options: ImportOptions): Promise<Imported> {
  const name = importName(request.path, request.name);
  const { modelsDirectory } = options;
  const pulls = join(modelsDirectory, pullFolder);
  let lock: PullLock | undefined;
  try {
    await refuseExisting(modelsDirectory, name, await readManifest(join(modelsDirectory, name)));
    await makeFolderDurably(pulls);
    lock = await lockPull(lockOf(modelsDirectory, name), name);
    const signal = AbortSignal.any([options.signal, lock.lost]);
    return await makeModel(name, request, { ...options, signal });
  } catch (error) {
    throw await explainedFault(error, modelsDirectory);
  } finally {
    await lock?.release();
    // Goes when nothing unfinished is left in it.
    await rmdir(pulls).catch(() => {});
  }
}

/**
 * `importModel` for who holds the model's lock.
 * @throws SteerdError as that does; the file system's error
 */
export async function makeModel(
  name: string,
  request: ImportRequest,
  options: ImportOptions,
): Promise<Imported> {
  const { precision = defaultPrecision } = request;
  const { builder, modelsDirectory, signal, onProgress } = options;
  const checkpoint = await openCheckpoint(request.path);
  let staging: string | undefined;
  try {
    await refuseWithoutTokenizer(request.path, checkpoint);
    const size = builder.size(checkpoint, precision);
    options.onPlan?.(planOf(checkpoint, precision, size));
    const times = await timesOf(checkpoint);
    staging = stagingOf(modelsDirectory, name, stagingKey(checkpoint, precision, times));
    await reserve(modelsDirectory, staging, size);
    await mkdir(staging, { recursive: true });
    await builder.build({
      ...{ checkpoint, precision, out: staging, signal },
      onProgress: ({ done, total }) => onProgress?.({ stage: 'build', done, total }),
    });
    refuseChanged(request.path, times, await timesOf(checkpoint));
    await writeFiles(checkpoint, staging);
    await copyDocuments(checkpoint, request, staging);
    await tryOut(name, staging, signal);
    const files = await summed(staging, signal, (done, total) =>
      onProgress?.({ stage: 'check', done, total }),
    );
    const manifest = manifestOf(checkpoint, precision, request.hub ?? null, files);
    await completeModel({ modelsDirectory, name, staging, manifest, signal });
    return { name, folder: join(modelsDirectory, name), manifest };
  } catch (error) {
    if (staging !== undefined && !(signal.aborted && options.goesOn?.()))
      await rm(staging, { recursive: true, force: true });
    throw error;
  } finally {
    await checkpoint.close();
  }
}

async function refuseWithoutTokenizer(path: string, { files }: Checkpoint): Promise<void> {
  if (files.has('tokenizer.json')) return;
  const names = await readdir(path).catch((): string[] => []);
  const others = names.filter((name) => /tokenizer|vocab|spiece|\.tiktoken$/i.test(name));
  throw errors.checkpointUnsupported(
    path,
    `it has no tokenizer.json${others.length > 0 ? ` but ${others.slice(0, 8).join(', ')}` : ''}`,
  );
}

function planOf(checkpoint: Checkpoint, precision: Precision, to: number): ImportPlan {
  const from = checkpoint.sources.reduce((sum, { bytes }) => sum + bytes, 0);
  return { architecture: architectureOf(checkpoint), format: checkpoint.format, precision, from, to };
}

const architectureOf = ({ config }: Checkpoint): string =>
  typeof config.model_type === 'string' ? config.model_type.slice(0, 80) : 'unknown';

/** When each of the checkpoint's files was written; null for one that is gone, which stays readable while it is open. */
const timesOf = ({ sources }: Checkpoint): Promise<(number | null)[]> =>
  Promise.all(
    sources.map(({ path }) =>
      stat(path).then(
        ({ mtimeMs }) => mtimeMs,
        () => null,
      ),
    ),
  );

/** One that is still being downloaded or copied would become a model of two halves. @throws SteerdError checkpoint_invalid */
function refuseChanged(path: string, before: readonly (number | null)[], after: readonly (number | null)[]) {
  if (after.some((time, i) => time !== null && time !== before[i]))
    throw errors.checkpointInvalid(
      path,
      'it was written to while it was read; import it again when it is whole',
    );
}

/** What one checkpoint has left of a precision is of no use for another. */
function stagingKey(
  { sources }: Checkpoint,
  precision: Precision,
  times: readonly (number | null)[],
): string {
  const hash = createHash('sha256').update(`${precision} ${packageVersion}`);
  for (const [i, { path, bytes }] of sources.entries())
    hash.update(`\n${basename(path)} ${bytes} ${times[i]}`);
  return hash.digest('hex').slice(0, 20);
}

/** Makes sure that the disk holds what is not there yet. */
async function reserve(modelsDirectory: string, staging: string, size: number): Promise<void> {
  const names = await readdir(staging).catch((): string[] => []);
  const sizes = await Promise.all(names.map((name) => stat(join(staging, name))));
  const here = sizes.reduce((sum, one) => sum + one.size, 0);
  const needed = Math.max(0, size - here) + spareBytes;
  const free = await freeBytes(modelsDirectory);
  if (needed > free) throw errors.spaceMissing(modelsDirectory, shownBytes(needed), shownBytes(free));
}

async function writeFiles({ config, files }: Checkpoint, staging: string): Promise<void> {
  await writeFile(join(staging, 'config.json'), `${JSON.stringify(config, null, 2)}\n`);
  for (const [file, load] of files) await writeFile(join(staging, file), await load());
}

/** Licences and descriptions beside the weights; beside a GGUF file on the disk may lie anything. */
async function copyDocuments(
  { format, sources }: Checkpoint,
  { hub }: ImportRequest,
  staging: string,
): Promise<void> {
  const [source] = sources;
  if (source === undefined || (format === 'gguf' && !hub)) return;
  const folder = dirname(source.path);
  for (const name of (await readdir(folder)).filter(isDocument)) {
    const from = join(folder, name);
    const found = await stat(from).catch(() => null);
    if (found?.isFile() && found.size <= largestDocument) await copyFile(from, join(staging, name));
  }
}

/** What the server will read, before anybody waits for it. @throws SteerdError checkpoint_invalid, model_unsupported */
async function tryOut(name: string, staging: string, signal: AbortSignal): Promise<void> {
  await refuseTwinIds(join(staging, 'tokenizer.json'));
  await readTokenizer(staging).catch((error: Error) => {
    throw errors.checkpointInvalid(
      'tokenizer.json',
      error.message.replaceAll(staging, '').replace(/\.$/, ''),
    );
  });
  await readExport(name, 'model.onnx', staging, signal);
}

async function summed(
  staging: string,
  signal: AbortSignal,
  onBytes: (done: number, total: number) => void,
): Promise<BuiltManifest['files']> {
  const entries = (await readdir(staging, { withFileTypes: true })).filter((entry) => entry.isFile());
  const found = await Promise.all(
    entries.map(async ({ name }) => ({ path: name, bytes: (await stat(join(staging, name))).size })),
  );
  const kept = found.filter(({ path }) => !path.startsWith('.')).sort((a, b) => (a.path < b.path ? -1 : 1));
  const total = kept.reduce((sum, { bytes }) => sum + bytes, 0);
  const files: BuiltManifest['files'] = [];
  let done = 0;
  onBytes(done, total);
  for (const { path, bytes } of kept) {
    await syncFile(join(staging, path));
    files.push({ path, bytes, sha256: (await sumFile(join(staging, path), 'sha256', signal)).sha256 });
    done += bytes;
    onBytes(done, total);
  }
  return files;
}

function manifestOf(
  checkpoint: Checkpoint,
  precision: Precision,
  hub: BuiltManifest['checkpoint']['hub'],
  files: BuiltManifest['files'],
): BuiltManifest {
  return {
    format: 2,
    architecture: architectureOf(checkpoint),
    precision,
    checkpoint: {
      format: checkpoint.format,
      files: checkpoint.sources.map(({ path, bytes }) => ({ name: basename(path), bytes })),
      hub,
    },
    built_by: packageVersion,
    built_at: new Date().toISOString(),
    files,
  };
}
