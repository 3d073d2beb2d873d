/** Opens whatever a path leads to: a GGUF file, a file or folder of safetensors, a folder of a Hugging Face cache. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileFormat, fileKind } from '../common/file-kind.js';
import { errors } from '../errors.js';
import type { Checkpoint } from './checkpoint.js';
import { FileRanges } from './file-ranges.js';
import { openGguf } from './gguf-checkpoint.js';
import { openSafetensors } from './safetensors-folder.js';

/** @throws SteerdError checkpoint_invalid, model_unsupported; the file system's error */
export async function openCheckpoint(path: string): Promise<Checkpoint> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw errors.checkpointInvalid(
      path,
      error.code === 'ENOENT' ? 'there is no such file or folder' : error.message,
    );
  });
  if (!found.isDirectory()) return openFile(path);
  const folder = await snapshotOf(path);
  const names = await readdir(folder);
  const ggufs = names.filter((name) => name.endsWith('.gguf') && !name.startsWith('mmproj')).sort();
  if (names.some((name) => /\.safetensors(\.index\.json)?$/.test(name)) && names.includes('config.json')) {
    return openSafetensors(folder);
  }
  const [first] = ggufs;
  if (first === undefined) {
    throw errors.checkpointInvalid(
      path,
      `it has neither config.json with .safetensors files nor a .gguf file, but ${names.slice(0, 8).join(', ') || 'nothing'}`,
    );
  }
  const isOne = ggufs.length === 1 || /-00001-of-\d{5}\.gguf$/.test(first);
  if (!isOne)
    throw errors.checkpointInvalid(path, `it has several models; name one: ${ggufs.slice(0, 12).join(', ')}`);
  return openGguf(join(folder, first));
}

async function openFile(path: string): Promise<Checkpoint> {
  const file = await FileRanges.open(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === undefined) throw errors.checkpointInvalid(path, error.message);
    throw error;
  });
  const head = await file.read(0, Math.min(4096, file.bytes)).finally(() => file.close());
  const format = fileFormat(head);
  if (format === 'gguf') return openGguf(path);
  if (format === 'safetensors') return openSafetensors(path);
  const kind = fileKind(head);
  throw errors.checkpointInvalid(
    path,
    `the file is ${kind ?? 'neither GGUF nor safetensors'}; name a .gguf file, or the folder with config.json and .safetensors files`,
  );
}

/**
 * The snapshot that a cached repository (`models--owner--name`) has under refs/main, or the only one, where it was fetched by a
 * commit; other folders are themselves.
 */
async function snapshotOf(path: string): Promise<string> {
  if (!basename(path).startsWith('models--')) return path;
  const commit = await readFile(join(path, 'refs', 'main'), 'utf8').catch(() => null);
  if (commit !== null && /^[0-9a-f]{7,64}$/.test(commit.trim()))
    return join(path, 'snapshots', commit.trim());
  const [only, ...others] = await readdir(join(path, 'snapshots')).catch((): string[] => []);
  if (others.length > 0)
    throw errors.checkpointInvalid(
      path,
      `it has several snapshots and no refs/main; name one: ${[only, ...others].slice(0, 8).join(', ')}`,
    );
  return only === undefined ? path : join(path, 'snapshots', only);
}

/** What a checkpoint at this path would be called: its folder's or file's name, of a cache the repository's. */
export function nameOfCheckpoint(path: string): string {
  const base = basename(path).replace(/(-\d{5}-of-\d{5})?\.(gguf|safetensors)$/i, '');
  const cached = /models--[^/\\]+--([^/\\]+)/.exec(path)?.[1];
  const own = base === 'model' || base === '' ? basename(dirname(path)) : base;
  const name = cached !== undefined && !/\.(gguf)$/i.test(path) ? cached : own;
  return name
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 64);
}
