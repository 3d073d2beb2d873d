/** One item of a request on its way to a term of the edit: what it comes to by itself. */
import type { Concept } from '../concepts/concept.js';
import type { AnySteeringItem } from '../schemas/steering.js';

export interface ItemEdit {
  readonly item: AnySteeringItem;
  readonly concept: Concept;
  /** The same for the same item, wherever it stands in the request. */
  readonly key: string;
  /** The same for the same directions: the concept's version as long as they are the concept's. */
  readonly directions: string;
  /** [L * H] unit rows. */
  readonly vectors: Float32Array;
  /** [L] what is added along them. */
  readonly add: Float32Array;
  /** [L] what is added of the projection on them. */
  readonly scale: Float32Array;
  /** Positions [from, to). */
  readonly from: number;
  readonly to: number;
}

/** Blocks at which the item changes something, ascending. */
export const editedLayers = ({ add, scale }: ItemEdit): number[] =>
  [...add.keys()].filter((layer) => add[layer] !== 0 || scale[layer] !== 0);

/** Blocks at which it adds something whatever the stream is, ascending: none for the other operations. */
export const addedLayers = ({ item, add }: ItemEdit): number[] =>
  item.operation === 'add' ? [...add.keys()].filter((layer) => add[layer] !== 0) : [];

/** Whether there are positions that both edit. */
export const meet = (a: ItemEdit, b: ItemEdit): boolean => a.from < b.to && b.from < a.to;

/** For `knownCosines`. */
export const directionsOf = ({ directions, vectors, concept: { layers, hiddenSize } }: ItemEdit) => ({
  id: directions,
  vectors,
  layers,
  hiddenSize,
});
