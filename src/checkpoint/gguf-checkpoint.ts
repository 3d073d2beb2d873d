/**
 * A GGUF model as a checkpoint: tensors under Hugging Face's names and in its order, the configuration and the
 * tokenizer's files made from the metadata. A model in parts (`-00001-of-00003.gguf`) is opened by any of them.
 */
import { basename, dirname, join } from 'node:path';
import { errors } from '../errors.js';
import { blockTypes, typeOfId } from './block-types.js';
import type { Checkpoint, CheckpointTensor, TensorType } from './checkpoint.js';
import { FileRanges } from './file-ranges.js';
import { ggufConfig } from './gguf-config.js';
import { type GgufFamily, ggufFamilies, huggingFaceName } from './gguf-families.js';
import { ggufFiles } from './gguf-files.js';
import {
  type GgufEntry,
  GgufError,
  type GgufHead,
  HeadIncomplete,
  readGgufHead,
  shownName,
} from './gguf-head.js';
import { GgufMetadata } from './gguf-metadata.js';
import { openTensor } from './stored-tensor.js';

/** Heads of the largest vocabularies have 20 MB. */
const [firstHeadBytes, mostHeadBytes] = [1024 * 1024, 128 * 1024 * 1024];
const limits = { keys: 65_536, tensors: 65_536, items: 8_000_000 } as const;
const mostParts = 1000;

/** Tensors that are told in the configuration, or that no model has. */
const ropeTensors = ['rope_freqs.weight', 'rope_factors_short.weight', 'rope_factors_long.weight'];

interface PlacedTensor {
  readonly name: string;
  /** Slowest dimension first. */
  readonly shape: readonly number[];
  readonly type: TensorType;
  readonly file: FileRanges;
  readonly start: number;
}

/** @throws SteerdError checkpoint_invalid, model_unsupported; the file system's error */
export async function openGguf(path: string): Promise<Checkpoint> {
  const files: FileRanges[] = [];
  const close = async () => {
    await Promise.all(files.map((file) => file.close()));
  };
  try {
    const { metadata, placed } = await readParts(path, files);
    const family = familyOf(metadata);
    const raw = new Map(placed.map((tensor) => [tensor.name, tensor]));
    if (raw.size !== placed.length)
      throw errors.checkpointInvalid(path, 'two of its tensors have the same name');
    const rope = await Promise.all(ropeTensors.map((name) => valuesOf(raw.get(name))));
    const [all = null, short = null, long = null] = rope;
    const config = ggufConfig(metadata, family, {
      vocabulary: vocabularyOf(path, raw),
      hasHead: raw.has('output.weight'),
      hasAttentionBias: raw.has('blk.0.attn_q.bias') || raw.has('blk.0.attn_qkv.bias'),
      hasMlpBias: raw.has('blk.0.ffn_up.bias'),
      rope: { all, short, long },
    });
    const tensors = new Map<string, CheckpointTensor>();
    for (const tensor of placed) {
      if (ropeTensors.includes(tensor.name)) continue;
      const opened = converted(tensor, family, config);
      if (tensors.has(opened.name)) {
        throw errors.checkpointInvalid(path, `two of its tensors are ${shownName(opened.name)}`);
      }
      tensors.set(opened.name, opened);
    }
    return {
      format: 'gguf',
      config,
      tensors,
      files: ggufFiles(metadata, Number(config.max_position_embeddings)),
      sources: files.map((file) => ({ path: file.path, bytes: file.bytes })),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The metadata of the first part, and the tensors of all. */
async function readParts(
  path: string,
  files: FileRanges[],
): Promise<{ metadata: GgufMetadata; placed: PlacedTensor[] }> {
  const first = await openPart(path, files);
  const metadata = new GgufMetadata(path, first.head.metadata);
  const [, stem, , total] = /^(.+)-(\d{5})-of-(\d{5})\.gguf$/.exec(basename(path)) ?? [];
  const count = metadata.count('split.count') ?? 1;
  if (count <= 1) return { metadata, placed: first.placed };
  if (stem === undefined || total === undefined || Number(total) !== count || count > mostParts) {
    throw errors.checkpointInvalid(
      path,
      `it is one of ${count} parts, which must be named like model-00001-of-${String(count).padStart(5, '0')}.gguf`,
    );
  }
  const placed = [...first.placed];
  let whole = metadata;
  for (let part = 1; part <= count; part++) {
    const name = join(dirname(path), `${stem}-${String(part).padStart(5, '0')}-of-${total}.gguf`);
    if (name === join(dirname(path), basename(path))) continue;
    const other = await openPart(name, files);
    // The first part alone has the model's own metadata.
    if (part === 1) whole = new GgufMetadata(name, other.head.metadata);
    placed.push(...other.placed);
  }
  return { metadata: whole, placed };
}

async function openPart(
  path: string,
  files: FileRanges[],
): Promise<{ head: GgufHead; placed: PlacedTensor[] }> {
  const file = await FileRanges.open(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') throw errors.checkpointInvalid(path, 'the file is missing');
    if (error.code === undefined) throw errors.checkpointInvalid(path, error.message);
    throw error;
  });
  files.push(file);
  try {
    const head = await readHead(file);
    return { head, placed: place(file, head) };
  } catch (error) {
    if (error instanceof GgufError) throw errors.checkpointInvalid(path, error.message);
    throw error;
  }
}

/** The head's length is told nowhere: more and more is read until it is whole. */
async function readHead(file: FileRanges): Promise<GgufHead> {
  for (let length = firstHeadBytes; ; length *= 4) {
    const most = Math.min(file.bytes, mostHeadBytes);
    const bytes = await file.read(0, Math.min(length, most));
    try {
      return readGgufHead(bytes, file.bytes, limits);
    } catch (error) {
      if (!(error instanceof HeadIncomplete)) throw error;
      if (bytes.length === most) {
        throw new GgufError('limit', `its metadata has more than ${mostHeadBytes} bytes, which is the limit`);
      }
    }
  }
}

/** Every tensor within the file, apart from the others, and of a type that is read. */
function place(file: FileRanges, { entries, dataStart }: GgufHead): PlacedTensor[] {
  const placed = entries.map((entry) => placeOne(file, entry, dataStart));
  const inOrder = [...placed].sort((a, b) => a.start - b.start || a.end - b.end);
  inOrder.forEach(({ name, start }, i) => {
    const before = inOrder[i - 1];
    if (before !== undefined && start < before.end) {
      throw new GgufError('tensor', `tensors ${shownName(before.name)} and ${shownName(name)} overlap`);
    }
  });
  return placed;
}

function placeOne(file: FileRanges, entry: GgufEntry, dataStart: number): PlacedTensor & { end: number } {
  const what = `tensor ${shownName(entry.name)}`;
  const type = typeOfId(entry.type);
  if (type === undefined) {
    throw errors.checkpointUnsupported(
      file.path,
      `${what} is stored as type ${entry.type} of ggml; ${Object.keys(blockTypes).join(', ')} are read`,
    );
  }
  const { values, bytes } = blockTypes[type];
  const [row = 1] = entry.shape;
  const count = entry.shape.reduce((product, size) => product * size, 1);
  if (count < 1 || row % values !== 0) {
    throw new GgufError('tensor', `${what} has rows of ${row} values, which are no whole blocks of ${type}`);
  }
  const start = dataStart + entry.offset;
  const end = start + (count / values) * bytes;
  if (!(end <= file.bytes)) {
    throw new GgufError('truncated', `${what} ends at byte ${end} of the file, which has ${file.bytes}`);
  }
  return { name: entry.name, shape: [...entry.shape].reverse(), type, file, start, end };
}

function familyOf(metadata: GgufMetadata): GgufFamily {
  const { architecture, path } = metadata;
  const family = Object.hasOwn(ggufFamilies, architecture) ? ggufFamilies[architecture] : undefined;
  if (family !== undefined) return family;
  throw errors.checkpointUnsupported(
    path,
    `its architecture ${JSON.stringify(architecture.slice(0, 40))} is not supported; ${Object.keys(ggufFamilies).join(', ')} are`,
  );
}

function vocabularyOf(path: string, raw: ReadonlyMap<string, PlacedTensor>): number {
  const shape = raw.get('token_embd.weight')?.shape;
  const [rows] = shape ?? [];
  if (shape?.length === 2 && rows !== undefined) return rows;
  throw errors.checkpointInvalid(path, 'it has no table of embeddings (token_embd.weight)');
}

/** Factors of rotary frequencies: a vector of at most half a head. */
async function valuesOf(tensor: PlacedTensor | undefined): Promise<number[] | null> {
  if (tensor === undefined) return null;
  if (tensor.shape.length !== 1 || (tensor.shape[0] ?? 0) > 4096) {
    throw errors.checkpointInvalid(tensor.file.path, `tensor ${shownName(tensor.name)} is no short vector`);
  }
  return [...(await openTensor(tensor).rows(0, 1))];
}

/** With what the converter did to it undone. */
function converted(
  tensor: PlacedTensor,
  family: GgufFamily,
  config: Readonly<Record<string, unknown>>,
): CheckpointTensor {
  const name = huggingFaceName(family, tensor.name);
  const isRotated = /\.self_attn\.[qk]_proj\./.test(name);
  const interleaved = family.interleaved === true && isRotated ? Number(config.head_dim) : 0;
  const rows = tensor.shape[0] ?? 0;
  if (interleaved > 0 && (rows % interleaved !== 0 || interleaved % 2 !== 0)) {
    throw errors.checkpointInvalid(
      tensor.file.path,
      `tensor ${shownName(tensor.name)} has ${rows} rows, which are no whole heads of ${interleaved}`,
    );
  }
  const shift = family.normShift !== undefined && name.endsWith('norm.weight') ? family.normShift : 0;
  return openTensor({ ...tensor, name, interleaved, shift });
}
