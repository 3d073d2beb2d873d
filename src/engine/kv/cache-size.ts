/** How large a KV cache is: tokens of one slot and why, and bytes. */
import { elementTypes } from '../../ort/tensor.js';
import type { ContextLimit } from '../context-limit.js';
import type { ModelSpec } from '../model-spec.js';

/** Tokens of a slot where all slots take their memory at once, or nobody says how much there is. */
const cautiousCapacity = 4096;
/** Slots that should have room for a full context at the same time; the others fill what is left. */
const fullSlots = 4;
/** A context that was cut to the memory is a whole number of these. */
const roundTokens = 256;

interface ContextWishes {
  /** Tokens; 0 for as many as make sense. Never more than the model computes right. */
  readonly asked: number;
  readonly slots: number;
  /** Bytes for the KV cache; null where a cache takes its memory as a whole, or nobody knows. */
  readonly room: number | null;
}

/** Tokens of one slot, prompt and answer together, and why so many. */
export function chooseContext(spec: ModelSpec, { asked, slots, room }: ContextWishes): ContextLimit {
  const own = { tokens: spec.contextLength, why: spec.contextWhy };
  if (asked > 0) return asked < own.tokens ? { tokens: asked, why: 'as the settings say' } : own;
  // Windows gives memory for all slots at once.
  if (room === null || process.platform === 'win32')
    return cautiousCapacity < own.tokens
      ? { tokens: cautiousCapacity, why: 'the usual one where all slots take their memory at once' }
      : own;
  const rows = Math.min(slots, fullSlots) + 1;
  const fits = room / (rows * kvRowBytes(spec, 1));
  if (fits >= own.tokens) return own;
  return {
    tokens: Math.min(own.tokens, Math.max(1, Math.floor(fits / roundTokens)) * roundTokens),
    why: `the memory holds ${rows - 1} such contexts beside the model, with half of it left`,
  };
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
