/**
 * A concept's activation edit in the unit of calibration: at share 1 it has the proportions of the concept's own
 * coefficients, scaled so that the mean of |edit| / |residual| over the steered layers is 1.
 */
import type { Concept } from '../../concepts/concept.js';
import type { ActivationEdit } from '../../engine/protocol.js';
import { errors } from '../../errors.js';
import type { Share } from './strength-curve.js';

/** [L] coefficients on the concept's unit vectors at share 1, and the share its strength 1 has now. */
interface UnitEdit {
  readonly coefficients: Float64Array;
  readonly strengthOne: Share;
}

/**
 * @param residualNorms [L] mean L2 norm of the block outputs.
 * @throws SteerdError invalid_value for a concept without coefficients, or with one where the norm is unknown.
 */
export function unitEdit({ name, calibration }: Concept, residualNorms: Float32Array): UnitEdit {
  const ratios = Array.from(calibration.coefficients, (coefficient, layer) =>
    coefficient === 0 ? 0 : Math.abs(coefficient) / (residualNorms[layer] ?? 0),
  ).filter((ratio) => ratio > 0);
  const strengthOne = ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length;
  if (!Number.isFinite(strengthOne)) {
    throw errors.invalidValue(
      'concept',
      'one that steers layers whose residual norm is known',
      `${name}, which steers ${ratios.length} layers`,
    );
  }
  return { coefficients: Float64Array.from(calibration.coefficients, (c) => c / strengthOne), strengthOne };
}

export function editAt(concept: Concept, unit: UnitEdit, share: Share): ActivationEdit {
  if (share === 0) return [];
  return addEverywhere(
    concept,
    Float32Array.from(unit.coefficients, (coefficient) => share * coefficient),
  );
}

/** @param add [L] coefficients on the concept's unit vectors, at every position */
export function addEverywhere({ vectors, layers }: Concept, add: Float32Array): ActivationEdit {
  return [{ vectors, add, scale: new Float32Array(layers), from: 0, to: Number.POSITIVE_INFINITY }];
}
