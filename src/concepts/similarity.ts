/**
 * How much two concepts point the same way: the cosine of their directions at each block that both have a direction at,
 * and its plain mean over the blocks that both steer at strength 1 (over all of the former where there is none of the
 * latter, as for vectors without a calibration). The sign is that of the directions, whatever strength they are used at.
 */
import type { Concept } from './concept.js';
import { dot } from './orthogonal.js';

/** Overlaps above this |cosine| are told: half of each push lies along the other. */
export const tellingOverlap = 0.5;

type Directions = Pick<Concept, 'vectors' | 'layers' | 'hiddenSize'>;

/** [L] cosines; NaN at blocks where one of the two has no direction, everywhere for concepts of other shapes. */
export function layerCosines(a: Directions, b: Directions): Float64Array {
  const { layers, hiddenSize } = a;
  const cosines = new Float64Array(layers).fill(Number.NaN);
  if (b.layers !== layers || b.hiddenSize !== hiddenSize) return cosines;
  for (let layer = 0; layer < layers; layer++) {
    const [start, end] = [layer * hiddenSize, (layer + 1) * hiddenSize];
    const x = a.vectors.subarray(start, end);
    const y = b.vectors.subarray(start, end);
    const lengths = Math.sqrt(dot(x, x) * dot(y, y));
    if (lengths > 0) cosines[layer] = Math.max(-1, Math.min(1, dot(x, y) / lengths));
  }
  return cosines;
}

/** The mean of the cosines at these blocks, as far as there are any; null where there is none. */
export function meanCosine(cosines: Float64Array, layers: Iterable<number>): number | null {
  let sum = 0;
  let count = 0;
  for (const layer of layers) {
    const cosine = cosines[layer] ?? Number.NaN;
    if (Number.isNaN(cosine)) continue;
    sum += cosine;
    count++;
  }
  return count === 0 ? null : sum / count;
}

/** The mean for two concepts by the rule above; null for concepts without a common block. */
export function similarity(a: Concept, b: Concept, cosines = layerCosines(a, b)): number | null {
  const steers = ({ calibration }: Concept, layer: number) => calibration.coefficients[layer] !== 0;
  const all = [...cosines.keys()];
  return (
    meanCosine(
      cosines,
      all.filter((layer) => steers(a, layer) && steers(b, layer)),
    ) ?? meanCosine(cosines, all)
  );
}

/** Some directions with what tells them from all others, such as a concept's version. */
interface IdentifiedDirections extends Directions {
  readonly id: string;
}

const mostPairs = 1024;
const pairs = new Map<string, Float64Array>();

/** `layerCosines`, kept for the pairs that were asked for last: requests ask for the same few again and again. */
export function knownCosines(a: IdentifiedDirections, b: IdentifiedDirections): Float64Array {
  const [first, second] = a.id < b.id ? [a, b] : [b, a];
  const key = `${first.id} ${second.id}`;
  const cosines = pairs.get(key) ?? layerCosines(first, second);
  // A Map keeps the order of insertion: what is used moves to its end, and the first is the oldest.
  pairs.delete(key);
  pairs.set(key, cosines);
  const [oldest] = pairs.keys();
  if (pairs.size > mostPairs && oldest !== undefined) pairs.delete(oldest);
  return cosines;
}
