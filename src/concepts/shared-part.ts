/** Taking out of a concept what it shares with others. */
import { periodicYield } from '../common/yielding.js';
import { errors } from '../errors.js';
import { type Concept, createConcept } from './concept.js';
import { dot, withoutSpan } from './orthogonal.js';

export interface SharedPart {
  /** What is taken out: every direction in the span of these concepts', or of the mean of their directions. */
  readonly of: readonly Concept[];
  readonly as: 'span' | 'mean';
  /** The request's field, for errors. */
  readonly field: string;
}

/** Less than this share of the push left is a concept that is in all the others. */
const leastLeft = 0.05;

/**
 * The concept without a shared part: at each block its direction at right angles to it. A block keeps of its push what
 * is left of its direction, so that one with little left has little say; then the whole is made as large as it was (the
 * mean of |push| / |residual| over the blocks, or of |push| where a norm is not known), for nothing else brings the part
 * that is gone. The record keeps which versions were taken out. Not measured: the calibration is that of `concept`,
 * called `algebra`.
 * @param signal ends it between two rows
 * @throws SteerdError invalid_value when another concept is of another model, or too little is left
 */
export async function withoutSharedPart(
  concept: Concept,
  shared: SharedPart,
  signal: AbortSignal,
): Promise<Concept> {
  const { layers, hiddenSize, calibration, residualNorms } = concept;
  for (const other of shared.of) {
    for (const field of ['model', 'modelFingerprint', 'layers', 'hiddenSize'] as const) {
      if (other[field] === concept[field]) continue;
      const requirement = `a list of concepts of the same model as ${concept.name} (${field} ${concept[field]})`;
      throw errors.invalidValue(shared.field, requirement, `${other.name} of ${other[field]}`);
    }
  }
  const vectors = new Float32Array(layers * hiddenSize);
  const left = new Float64Array(layers);
  const at = ({ vectors: rows }: Concept, layer: number) =>
    rows.subarray(layer * hiddenSize, (layer + 1) * hiddenSize);
  const breathe = periodicYield(signal);
  for (let layer = 0; layer < layers; layer++) {
    const rows = shared.of.map((other) => at(other, layer));
    const basis: Float64Array[] = [];
    for (const row of shared.as === 'mean' ? [meanDirection(rows, hiddenSize)] : rows) {
      // A hundred wide rows take long, and each longer than the one before it.
      await breathe();
      const added = withoutSpan(row, basis);
      if (added !== null) basis.push(added.direction);
    }
    const remainder = withoutSpan(at(concept, layer), basis);
    if (remainder === null) continue;
    vectors.set(remainder.direction, layer * hiddenSize);
    left[layer] = remainder.share;
  }

  const steered = [...calibration.coefficients.keys()].filter(
    (layer) => calibration.coefficients[layer] !== 0,
  );
  const known = steered.every((layer) => (residualNorms[layer] ?? 0) > 0);
  const push = (layer: number) =>
    Math.abs(calibration.coefficients[layer] ?? 0) / (known ? (residualNorms[layer] ?? 1) : 1);
  const before = steered.reduce((sum, layer) => sum + push(layer), 0);
  const after = steered.reduce((sum, layer) => sum + push(layer) * (left[layer] ?? 0), 0);
  const none = steered.length === 0 ? left.every((share) => share === 0) : after < leastLeft * before;
  if (none) {
    throw errors.invalidValue(
      shared.field,
      `concepts that leave something of ${concept.name}`,
      `${shared.of.length} that share all but ${Math.round((100 * after) / (before || 1))} % of it`,
    );
  }
  const larger = after === 0 ? 1 : before / after;
  return createConcept({
    ...concept,
    vectors,
    // They were read along the other directions.
    readings: null,
    calibration: {
      ...calibration,
      method: 'algebra',
      coefficients: calibration.coefficients.map(
        (coefficient, layer) => coefficient * larger * (left[layer] ?? 0),
      ),
      details: {},
    },
    record: {
      ...concept.record,
      details: {
        ...concept.record.details,
        orthogonalized_to: {
          as: shared.as,
          concepts: shared.of.map(({ name, version }) => ({ name, version })),
          left: Array.from(left),
        },
      },
    },
  });
}

/** A mean shorter than this is what rounding leaves of rows that cancel. */
const cancelled = 1e-3;

/** The mean of unit rows, zero where they cancel; concepts without a direction at the block do not count. */
function meanDirection(rows: readonly Float32Array[], hiddenSize: number): Float64Array {
  const mean = new Float64Array(hiddenSize);
  let count = 0;
  for (const row of rows) {
    const length = Math.sqrt(dot(row, row));
    if (length === 0) continue;
    count++;
    for (let i = 0; i < hiddenSize; i++) mean[i] = (mean[i] ?? 0) + (row[i] ?? 0) / length;
  }
  return Math.sqrt(dot(mean, mean)) > cancelled * count ? mean : mean.fill(0);
}
