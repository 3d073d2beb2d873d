/**
 * A checkpoint as Hugging Face transformers saves it: a folder with config.json, the tokenizer's files and the weights in
 * model.safetensors, or in shards that model.safetensors.index.json lists. The text part of a multimodal checkpoint is
 * told as if it stood alone.
 */
import { stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isPlainObject } from '../common/canonical-json.js';
import { errors } from '../errors.js';
import type { Checkpoint, CheckpointTensor, TensorType } from './checkpoint.js';
import { FileRanges } from './file-ranges.js';
import { type JsonRecord, readObject, readPart } from './json-part.js';
import {
  decodeSafetensorsHeader,
  layOut,
  SafetensorsError,
  safetensorsHeaderBytes,
  type TensorSpan,
} from './safetensors-layout.js';
import { openTensor } from './stored-tensor.js';
import { textPart } from './text-part.js';

/** Bytes of an element of every dtype that a file may have. */
const sizes = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  I64: 8,
  U64: 8,
  F64: 8,
} as const;

const readable = new Set<string>(['F32', 'F16', 'BF16'] satisfies TensorType[]);

const indexFile = 'model.safetensors.index.json';
const onlyFile = 'model.safetensors';

/** The files that a served model needs beside its graph. */
const companions = [
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'generation_config.json',
  'chat_template.jinja',
];

/**
 * @param path the folder, or its only file of weights
 * @throws SteerdError checkpoint_invalid, model_unsupported; the file system's error
 */
export async function openSafetensors(path: string): Promise<Checkpoint> {
  const single = path.endsWith('.safetensors');
  const folder = single ? dirname(path) : path;
  const config = await readConfig(join(folder, 'config.json'));
  const files: FileRanges[] = [];
  try {
    const tensors = await openAll(folder, single ? basename(path) : null, files);
    const text = textPart(folder, config, tensors);
    return {
      format: 'safetensors',
      config: text.config,
      tensors: text.tensors,
      files: await openCompanions(folder),
      sources: files.map((file) => ({ path: file.path, bytes: file.bytes })),
      close: () => closeAll(files),
    };
  } catch (error) {
    await closeAll(files);
    throw error;
  }
}

/**
 * A configuration whose weights can be read.
 * @throws SteerdError checkpoint_invalid, model_unsupported
 */
export async function readConfig(path: string): Promise<JsonRecord> {
  const config = await readObject(path);
  if (config === null) {
    throw errors.checkpointInvalid(path, 'there is no such file, which tells what the weights are');
  }
  refuseQuantised(dirname(path), config);
  return config;
}

const closeAll = async (files: readonly FileRanges[]) => {
  await Promise.all(files.map((file) => file.close()));
};

/** Weights of GPTQ, AWQ and the like are packed in ways of their own. */
function refuseQuantised(folder: string, config: JsonRecord): void {
  const { quantization_config: quantised } = config;
  if (!isPlainObject(quantised)) return;
  const method = typeof quantised.quant_method === 'string' ? quantised.quant_method : 'a method of its own';
  throw errors.checkpointUnsupported(
    folder,
    `its weights are quantised by ${method.slice(0, 40)}; take the original checkpoint, which import quantises itself`,
  );
}

/** The tensors by their names in the files. Opened files are added to `files` at once, so that they can be closed. */
async function openAll(
  folder: string,
  only: string | null,
  files: FileRanges[],
): Promise<Map<string, CheckpointTensor>> {
  const index = only === null ? await readObject(join(folder, indexFile)) : null;
  if (index === null) return new Map((await openFile(join(folder, only ?? onlyFile), files)).flatMap(opened));
  const path = join(folder, indexFile);
  const map = weightMap(path, index);
  const tensors = new Map<string, CheckpointTensor>();
  const missing = new Set(map.keys());
  for (const shard of [...new Set(map.values())].sort()) {
    for (const found of await openFile(join(folder, shard), files)) {
      // What the index does not give to this shard is no tensor of the model.
      if (map.get(found.span.name) !== shard) continue;
      missing.delete(found.span.name);
      for (const [name, tensor] of opened(found)) tensors.set(name, tensor);
    }
  }
  const [lost] = missing;
  if (lost !== undefined) {
    throw errors.checkpointInvalid(
      path,
      `tensor ${shownName(lost)} is not in ${map.get(lost)}, where it says`,
    );
  }
  return tensors;
}

const shownName = (name: string) => JSON.stringify(name.slice(0, 80));

interface FoundTensor {
  readonly file: FileRanges;
  readonly dataStart: number;
  readonly span: TensorSpan;
}

/** Integers are no weights: old checkpoints hold positions and masks among their tensors. */
function opened({ file, dataStart, span }: FoundTensor): [string, CheckpointTensor][] {
  const { name, dtype, shape, start } = span;
  if (!readable.has(dtype)) return [];
  const type = dtype as TensorType;
  return [[name, openTensor({ name, shape, type, file, start: dataStart + start })]];
}

/** Tensors to file names. @throws SteerdError checkpoint_invalid for names that lead elsewhere */
function weightMap(path: string, { weight_map: map }: JsonRecord): Map<string, string> {
  if (!isPlainObject(map)) throw errors.checkpointInvalid(path, 'it has no weight_map');
  return new Map(
    Object.entries(map).map(([tensor, file]) => {
      if (typeof file !== 'string' || !/^[\w-][\w.-]*\.safetensors$/.test(file)) {
        throw errors.checkpointInvalid(
          path,
          `its shards must be .safetensors files beside it; received ${JSON.stringify(file)?.slice(0, 80)}`,
        );
      }
      return [tensor, file];
    }),
  );
}

async function openFile(path: string, files: FileRanges[]): Promise<FoundTensor[]> {
  const file = await FileRanges.open(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') throw errors.checkpointInvalid(path, 'the file is missing');
    if (error.code === undefined) throw errors.checkpointInvalid(path, error.message);
    throw error;
  });
  files.push(file);
  try {
    const head = await file.read(0, Math.min(4096, file.bytes));
    const length = headerBytes(head, file.bytes);
    const { entries, dataStart } = decodeSafetensorsHeader(await file.read(0, length));
    return layOut(entries, file.bytes - dataStart, sizes).map((span) => ({ file, dataStart, span }));
  } catch (error) {
    if (error instanceof SafetensorsError) throw errors.checkpointInvalid(path, error.message);
    throw error;
  }
}

/** A file of another kind is called by it, where its first bytes would only be a strange length. */
function headerBytes(head: Uint8Array, fileBytes: number): number {
  try {
    return safetensorsHeaderBytes(head, fileBytes);
  } catch (error) {
    decodeSafetensorsHeader(head);
    throw error;
  }
}

async function openCompanions(folder: string): Promise<Map<string, () => Promise<Uint8Array>>> {
  const files = new Map<string, () => Promise<Uint8Array>>();
  for (const name of companions) {
    const path = join(folder, name);
    if ((await stat(path).catch(() => null)) === null) continue;
    files.set(name, async () => (await readPart(path)) ?? new Uint8Array());
  }
  // Where processors of images used to keep it.
  const template = files.has('chat_template.jinja')
    ? null
    : await readObject(join(folder, 'chat_template.json'));
  if (typeof template?.chat_template === 'string') {
    const bytes = new TextEncoder().encode(template.chat_template);
    files.set('chat_template.jinja', async () => bytes);
  }
  return files;
}
