/** How much memory a model will take, estimated from its files before anything is loaded. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readOutline } from '../../onnx/graph/graph-outline.js';
import { externalDataFiles } from '../../onnx/graph/model-file.js';
import { chooseContext, kvBytes } from '../kv/cache-size.js';
import { readModelSpec } from '../model-spec.js';
import type { DeviceSettings, KvCacheType } from '../worker-settings.js';
import { keepsIn8Bits } from './kv-scales.js';

export interface Footprint {
  /** Bytes of the graph and its weights on the disk. */
  readonly weights: number;
  /** Bytes of the KV cache once every slot is full. */
  readonly kv: number;
  /** Bytes of it that are always counted: one slot, and the row where texts are read. */
  readonly leastKv: number;
  /** Tokens of one slot. */
  readonly capacity: number;
  /** Why so many, in words. */
  readonly capacityWhy: string;
  readonly layers: number;
  readonly hiddenSize: number;
}

interface FootprintSettings {
  readonly slots: number;
  /** Tokens of one slot; 0 for the default. */
  readonly context: number;
  /** Bytes that models may take; null where a KV cache takes its memory as a whole. */
  readonly memory: number | null;
  /** `export` when left out. */
  readonly kvCache?: KvCacheType;
  /** The CPU when left out; on others keys and values are never in 8 bits. */
  readonly device?: DeviceSettings['device'];
}

/**
 * @param directory holds model.onnx, its weights and its configuration
 * @throws OnnxError, or the file system's error; the model cannot be loaded then
 */
export async function readFootprint(
  directory: string,
  { slots, context, memory, kvCache, device }: FootprintSettings,
): Promise<Footprint> {
  const file = join(directory, 'model.onnx');
  const outline = await readOutline(file);
  const exported = await readModelSpec(outline, directory);
  const onDevice = (device ?? 'cpu') !== 'cpu';
  const spec = keepsIn8Bits(exported, kvCache ?? 'export', onDevice)
    ? ({ ...exported, kvType: 'int8' } as const)
    : exported;
  const files = [file, ...externalDataFiles(outline).map((name) => join(directory, name))];
  const sizes = await Promise.all(files.map(async (path) => (await stat(path)).size));
  const weights = sizes.reduce((sum, size) => sum + size, 0);
  // Half of what is left: other models, other sequences and what is kept of prompts have the rest.
  const room = memory === null ? null : Math.max(0, (memory - weights) / 2);
  const { tokens: capacity, why: capacityWhy } = chooseContext(spec, { asked: context, slots, room });
  return {
    weights,
    kv: kvBytes(spec, slots, capacity),
    leastKv: kvBytes(spec, 1, capacity),
    capacity,
    capacityWhy,
    layers: spec.layers.length,
    hiddenSize: spec.hiddenSize,
  };
}
