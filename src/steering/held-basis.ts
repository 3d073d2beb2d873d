/**
 * An orthonormal basis of several concepts' directions at each layer (modified Gram-Schmidt, twice, in float64), in
 * their order: the first keeps its own direction, and each further one has what is new in its own. With it the engine
 * can move several projections at once, for its terms are all computed from the same h. Kept from request to request.
 */
import type { Concept } from '../concepts/concept.js';
import { dot, takeOut } from '../concepts/orthogonal.js';

/** A direction that is this close to the span of those before it (sine of the angle: 2.6 degrees) has nothing new. */
const leastNew = 0.045;
/** A row whose norm is this close to 1 is taken as it is. */
const unitTolerance = 1e-6;

interface DirectionSet {
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
const most = 1024;
/** What an array or a map's entry takes beside its numbers, roughly. */
const overhead = 100;

interface Kept {
  readonly sources: readonly Float32Array[];
  readonly basis: HeldBasis;
  readonly bytes: number;
}

/**
 * Bases from request to request, by versions and layers. Everything that an entry keeps alive counts, its concepts'
 * vectors too: those of a concept that a request brought are kept by nothing else.
 */
export class BasisCache {
  /** The least recently used first. */
  readonly #kept = new Map<string, Kept>();
  #bytes = 0;

  /** @param limits of all that is kept, apart from what was asked for last */
  constructor(readonly limits: { readonly bytes: number; readonly entries: number }) {}

  get bytes(): number {
    return this.#bytes;
  }

  get entries(): number {
    return this.#kept.size;
  }

  /** @param directions of one model */
  basisOf(directions: readonly DirectionSet[]): HeldBasis {
    const key = directions.map(({ concept, layers }) => `${concept.version} ${layers.join()}`).join(' / ');
    const known = this.#kept.get(key);
    this.#forget(key);
    const sources = directions.map(({ concept }) => concept.vectors);
    const same = known?.sources.every((source, i) => source === sources[i]);
    const basis = known && same ? known.basis : build(directions);
    const entry = known && same ? known : { sources, basis, bytes: bytesOf(key, sources, basis) };
    this.#kept.set(key, entry);
    this.#bytes += entry.bytes;
    for (const oldest of this.#kept.keys()) {
      const room = this.#bytes <= this.limits.bytes && this.#kept.size <= this.limits.entries;
      if (room || oldest === key) break;
      this.#forget(oldest);
    }
    return basis;
  }

  #forget(key: string): void {
    this.#bytes -= this.#kept.get(key)?.bytes ?? 0;
    this.#kept.delete(key);
  }
}

function bytesOf(key: string, sources: readonly Float32Array[], { vectors, coordinates }: HeldBasis): number {
  let bytes = overhead + key.length;
  for (const { byteLength } of new Set([...sources, ...vectors])) bytes += overhead + byteLength;
  for (const rows of coordinates) for (const row of rows.values()) bytes += overhead + 8 * row.length;
  return bytes;
}

const cache = new BasisCache({ bytes: largest, entries: most });

/** @param directions of one model */
export const heldBasis = (directions: readonly DirectionSet[]): HeldBasis => cache.basisOf(directions);

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
      const before = [...rows.slice(0, i).entries()].flatMap(([j, known]) => {
        const q = known.get(layer);
        return q === undefined ? [] : [{ j, q }];
      });
      const along = takeOut(
        v,
        before.map(({ q }) => q),
      );
      const onBasis = new Array<number>(i).fill(0);
      for (const [at, { j }] of before.entries()) onBasis[j] = along[at] ?? 0;
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
