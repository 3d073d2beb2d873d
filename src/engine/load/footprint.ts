/** How much memory a model will take, estimated from its files before anything is loaded. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readOutline } from '../../onnx/graph/graph-outline.js';
import { externalDataFiles } from '../../onnx/graph/model-file.js';
import { chooseCapacity, kvBytes } from '../kv/cache-size.js';
import { readModelSpec } from '../model-spec.js';

export interface Footprint {
  /** Bytes of the graph and its weights on the disk. */
  readonly weights: number;
  /** Bytes of the KV cache once every slot is full. */
  readonly kv: number;
  /** Most bytes of beginnings of prompts that are kept to be used again. */
  readonly prefixes: number;
  /** Tokens of one slot. */
  readonly capacity: number;
  readonly layers: number;
  readonly hiddenSize: number;
}

/** Bytes of all of it. */
export const sizeOf = ({ weights, kv, prefixes }: Footprint): number => weights + kv + prefixes;

interface FootprintSettings {
  readonly slots: number;
  /** Tokens of one slot; 0 for the default. */
  readonly context: number;
  /** MiB; none are kept when left out. */
  readonly prefixMemory?: number;
}

/**
 * @param directory holds model.onnx, its weights and its configuration
 * @throws OnnxError, or the file system's error; the model cannot be loaded then
 */
export async function readFootprint(
  directory: string,
  { slots, context, prefixMemory = 0 }: FootprintSettings,
): Promise<Footprint> {
  const file = join(directory, 'model.onnx');
  const outline = await readOutline(file);
  const spec = await readModelSpec(outline, directory);
  const files = [file, ...externalDataFiles(outline).map((name) => join(directory, name))];
  const sizes = await Promise.all(files.map(async (path) => (await stat(path)).size));
  const capacity = chooseCapacity(context, spec);
  return {
    weights: sizes.reduce((sum, size) => sum + size, 0),
    kv: kvBytes(spec, slots, capacity),
    prefixes: prefixMemory * 1024 ** 2,
    capacity,
    layers: spec.layers.length,
    hiddenSize: spec.hiddenSize,
  };
}
