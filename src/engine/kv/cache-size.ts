/** How large a KV cache is: tokens of one slot, and bytes. */
import { elementTypes } from '../../ort/tensor.js';
import type { ModelSpec } from '../model-spec.js';

/** Tokens of a slot when the settings name none: enough for chat, and 16 full slots of a small model fit in memory. */
const defaultCapacity = 4096;

/**
 * Tokens of one slot: prompt and answer together.
 * @param asked 0 for the default; never more than the model's context length.
 */
export function chooseCapacity(asked: number, { contextLength }: Pick<ModelSpec, 'contextLength'>): number {
  return Math.min(asked > 0 ? asked : defaultCapacity, contextLength);
}

/** Bytes of one row's keys and values in all layers. */
export function kvRowBytes(spec: ModelSpec, capacity: number): number {
  const perElement = elementTypes[spec.kvType].array.BYTES_PER_ELEMENT;
  return 2 * spec.layers.length * spec.kvHeads * capacity * spec.headSize * perElement;
}

/** Bytes of a cache once every slot is full, the scratch row included. */
export function kvBytes(spec: ModelSpec, slots: number, capacity: number): number {
  return (slots + 1) * kvRowBytes(spec, capacity);
}
