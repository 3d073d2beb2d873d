/**
 * An orthonormal basis of several concepts' directions at each layer (modified Gram-Schmidt, twice, in float64), in
 * their order: the first keeps its own direction, and each further one has what is new in its own. With it the engine
 * can move several projections at once, for its terms are all computed from the same h. Kept from request to request.
 */
import type { Concept } from '../concepts/concept.js';

/** A direction that is this close to the span of those before it (sine of the angle: 2.6 degrees) has nothing new. */
const leastNew = 0.045;
/** A row whose norm is this close to 1 is taken as it is. */
const unitTolerance = 1e-6;

export interface DirectionSet {
  readonly concept: Pick<Concept, 'version' | 'vectors' | 'layers' | 'hiddenSize'>;
  /** Where it takes part. */
  readonly layers: readonly number[];
}

export interface HeldBasis {
  /** Of each direction: [L * H] orthonormal rows in shared memory; where it takes no part a row means nothing. */
  readonly vectors: readonly Float32Array[];
  /**
   * Of each direction, by layer: its coordinates <q_j, v> on the basis, 0 to its own index. A layer is missing where it
   * takes no part and where it has nothing new.
   */
  readonly coordinates: readonly ReadonlyMap<number, readonly number[]>[];
}

const largest = 64 * 2 ** 20;

interface Kept {
  readonly sources: readonly Float32Array[];
  readonly basis: HeldBasis;
  readonly bytes: number;
}

/** The least recently used first. */
const kept = new Map<string, Kept>();

/** @param directions of one model */
export function heldBasis(directions: readonly DirectionSet[]): HeldBasis {
  const key = directions.map(({ concept, layers }) => `${concept.version} ${layers.join()}`).join(' / ');
  const known = kept.get(key);
  kept.delete(key);
  if (known?.sources.every((source, i) => source === directions[i]?.concept.vectors)) {
    kept.set(key, known);
    return known.basis;
  }
  const basis = build(directions);
  const sources = directions.map(({ concept }) => concept.vectors);
  const own = basis.vectors.filter((vectors, i) => vectors !== sources[i]);
  kept.set(key, { sources, basis, bytes: own.reduce((sum, { byteLength }) => sum + byteLength, 0) });
  let bytes = 0;
  for (const entry of kept.values()) bytes += entry.bytes;
  for (const [oldest, entry] of kept) {
    if (bytes <= largest || oldest === key) break;
    kept.delete(oldest);
    bytes -= entry.bytes;
  }
  return basis;
}

function build(directions: readonly DirectionSet[]): HeldBasis {
  const [first] = directions;
  const layers = first?.concept.layers ?? 0;
  const coordinates = directions.map(() => new Map<number, readonly number[]>());
  const rows = directions.map(() => new Map<number, Float64Array>());
  const own = directions.map(() => true);
  for (let layer = 0; layer < layers; layer++) {
    for (const [i, { concept, layers: where }] of directions.entries()) {
      if (!where.includes(layer)) continue;
      const { vectors, hiddenSize } = concept;
      const v = Float64Array.from(vectors.subarray(layer * hiddenSize, (layer + 1) * hiddenSize));
      const norm = Math.sqrt(dot(v, v));
      const onBasis = new Array<number>(i).fill(0);
      for (let pass = 0; pass < 2; pass++) {
        for (let j = 0; j < i; j++) {
          const q = rows[j]?.get(layer);
          if (q === undefined) continue;
          const part = dot(q, v);
          onBasis[j] = (onBasis[j] ?? 0) + part;
          for (let at = 0; at < v.length; at++) v[at] = (v[at] ?? 0) - part * (q[at] ?? 0);
        }
      }
      const left = Math.sqrt(dot(v, v));
      if (left < leastNew * norm) continue;
      const untouched = onBasis.every((part) => part === 0) && Math.abs(norm - 1) <= unitTolerance;
      if (!untouched) own[i] = false;
      rows[i]?.set(layer, untouched ? v : v.map((value) => value / left));
      coordinates[i]?.set(layer, [...onBasis, untouched ? 1 : left]);
    }
  }
  return {
    vectors: directions.map(({ concept }, i) =>
      own[i] ? concept.vectors : sharedRows(rows[i] ?? new Map(), concept),
    ),
    coordinates,
  };
}

function sharedRows(
  rows: ReadonlyMap<number, Float64Array>,
  { layers, hiddenSize }: Pick<Concept, 'layers' | 'hiddenSize'>,
): Float32Array {
  const vectors = new Float32Array(new SharedArrayBuffer(4 * layers * hiddenSize));
  for (const [layer, row] of rows) vectors.set(row, layer * hiddenSize);
  return vectors;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
}
