/**
 * Items without what they share with the items before them: at each block, an item's direction is made orthogonal to the
 * span of the directions that items before it add there, at positions that it edits too. What is left keeps its size, so the coefficient shrinks by
 * sqrt(1 - cos^2): the shared part is pushed already, by the others, and an item that repeats them must come to nothing
 * rather than to a push of full size along rounding errors. No item's push becomes larger than it would be alone.
 */
import { createHash } from 'node:crypto';
import { orthonormalBasis, withoutSpan } from '../concepts/orthogonal.js';
import type { AnySteeringItem } from '../schemas/steering.js';
import type { SteeringReceipt } from '../schemas/steering-receipt.js';
import { addedLayers, type ItemEdit, meet } from './item-edit.js';
import { itemName } from './overlap.js';

interface Orthogonalized {
  readonly edit: ItemEdit;
  /** Null for an item that did not ask for it. */
  readonly told: NonNullable<SteeringReceipt['orthogonalized']> | null;
}

/** In the items' order, which counts here. */
export function orthogonalize(edits: readonly ItemEdit[]): Orthogonalized[] {
  return edits.map((edit, i) => {
    if (!edit.item.orthogonalize) return { edit, told: null };
    const layers = addedLayers(edit);
    const before = edits
      .slice(0, i)
      .filter((other) => meet(edit, other) && addedLayers(other).some((layer) => layers.includes(layer)));
    if (before.length === 0) return { edit, told: { to: [], taken_out: 0 } };
    const { directions, vectors, left } = remainder(edit, layers, before);
    const add = edit.add.map((coefficient, layer) => coefficient * (left[layer] ?? 0));
    const takenOut = layers.map((layer) => Math.sqrt(Math.max(0, 1 - (left[layer] ?? 0) ** 2)));
    return {
      edit: { ...edit, key: `${edit.key} ${directions}`, directions, vectors, add },
      told: {
        to: before.map(itemName),
        taken_out: takenOut.reduce((sum, share) => sum + share, 0) / layers.length,
      },
    };
  });
}

interface Remainder {
  readonly directions: string;
  readonly vectors: Float32Array;
  /** [L] share of each direction's length that is left. */
  readonly left: Float64Array;
}

/** By the request's item: all prompts and choices of a request share one. */
const made = new WeakMap<AnySteeringItem, Remainder>();

function remainder(edit: ItemEdit, layers: readonly number[], before: readonly ItemEdit[]): Remainder {
  const others = before.map((other) => ({ ...other, layers: new Set(addedLayers(other)) }));
  const spans = others.map((other) => [other.directions, ...other.layers].join(' ')).sort();
  const directions = createHash('sha256')
    .update([edit.directions, layers.join(' '), ...spans].join('\n'))
    .digest('hex');
  const known = made.get(edit.item);
  if (known?.directions === directions) return known;
  const { hiddenSize } = edit.concept;
  const row = (vectors: Float32Array, layer: number) =>
    vectors.subarray(layer * hiddenSize, (layer + 1) * hiddenSize);
  // Shared as concepts' vectors are: the engine's thread reads them where they lie.
  const vectors = new Float32Array(new SharedArrayBuffer(edit.vectors.byteLength));
  const left = new Float64Array(edit.concept.layers);
  for (const layer of layers) {
    const basis = orthonormalBasis(
      others.filter((other) => other.layers.has(layer)).map((other) => row(other.vectors, layer)),
    );
    const rest = basis.length === 0 ? null : withoutSpan(row(edit.vectors, layer), basis);
    if (basis.length === 0) {
      vectors.set(row(edit.vectors, layer), layer * hiddenSize);
      left[layer] = 1;
    } else if (rest !== null) {
      vectors.set(rest.direction, layer * hiddenSize);
      left[layer] = rest.share;
    }
  }
  const result = { directions, vectors, left };
  made.set(edit.item, result);
  return result;
}
