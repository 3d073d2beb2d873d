/**
 * A concept's vectors for NumPy. `.npy`: [L, H] float32, what strength 1 adds at each block's output. `.npz`: the same as `directions`,
 * and its factors, unit `vectors` [L, H] and `coefficients` [L], with `residual_norms` [L], the unit of scale "norm".
 */
import { encodeNpy, encodeNpz } from '../checkpoint/numpy.js';
import type { Concept } from './concept.js';
import { directionsOf } from './control-vector.js';

export function encodeNumpy(concept: Concept, format: 'npz' | 'npy'): Uint8Array {
  const { layers, hiddenSize, vectors, residualNorms, calibration } = concept;
  const directions = new Float32Array(layers * hiddenSize);
  for (const [layer, row] of directionsOf(concept)) directions.set(row, layer * hiddenSize);
  const whole = { shape: [layers, hiddenSize], data: directions };
  if (format === 'npy') return encodeNpy(whole);
  return encodeNpz({
    directions: whole,
    vectors: { shape: [layers, hiddenSize], data: Float32Array.from(vectors) },
    coefficients: { shape: [layers], data: calibration.coefficients },
    residual_norms: { shape: [layers], data: residualNorms },
  });
}
