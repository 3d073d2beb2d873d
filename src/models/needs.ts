/** What a model needs and what there is, in words. */
import type { Footprint } from '../engine/footprint.js';

const mebibytes = (bytes: number) => `${Math.ceil(bytes / 1024 ** 2)} MiB`;

export function needOf(footprint: Footprint | null, slots: number): string {
  if (footprint === null) return 'more';
  const { weights, kv, capacity } = footprint;
  return `${mebibytes(weights + kv)} (${mebibytes(weights)} of weights, ${mebibytes(kv)} of KV cache for ${slots} slots of ${capacity} tokens)`;
}

export function roomOf(limit: number, pinned: number): string {
  const budget = `the models may take ${mebibytes(limit)}`;
  return pinned > 0 ? `${budget}, of which pinned ones have ${mebibytes(pinned)}` : budget;
}
