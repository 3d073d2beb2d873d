/**
 * One layer of a fit, from labelled features to an oriented unit vector and its record. Degenerate features are
 * refused here, with an error that names the layer; results are finite.
 */
import { errors } from '../errors.js';
import type { MethodName } from '../schemas/fit-choices.js';
import { timesVector } from './linear-algebra/matrix.js';
import type { Products } from './linear-algebra/products.js';
import { norm, pearson } from './linear-algebra/vectors.js';
import { auroc } from './methods/auroc.js';
import { methods } from './methods/index.js';
import { type LayerFeatures, splitRows } from './methods/labelled-rows.js';

export interface LayerTask {
  readonly layer: number;
  readonly method: MethodName;
  readonly features: LayerFeatures;
}

export interface LayerFit {
  readonly layer: number;
  /** [H] */
  readonly unit: Float32Array;
  /**
   * Distance along `unit` from the mean of the negatives' features to that of the positives': what a step along the
   * vector can make up for. Negative where soft labels turned the vector against the sides.
   */
  readonly separation: number;
  /** For the concept's record: JSON values only, the same for the same features. */
  readonly record: Readonly<Record<string, unknown>>;
  /**
   * Area under the ROC curve of the projections of the examples held out, of all where none were. For the job, as the
   * seconds are: concepts that were fitted before have it in no record, and keep their version.
   */
  readonly auroc: number | null;
  /** Time taken. For the job, not for the record: the same request must give the same bytes. */
  readonly seconds: number;
}

/** Classes closer than this share of the rows' mean length differ by rounding only. */
const leastSeparation = 1e-6;

/** @throws SteerdError fit_impossible, and what `products` throw when cancelled. */
export function fitLayer({ layer, method, features }: LayerTask, products: Products): LayerFit {
  const started = performance.now();
  products.checkpoint();
  checkLabels(features, layer);
  const difference = differenceOf(features, layer);
  products.checkpoint();
  const split = splitRows(features);
  const found = methods[method].direction(split, products);
  const oriented = found && orient(found.direction, features);
  if (found === null || oriented === null) {
    throw errors.fitImpossible(`the method found no direction at layer ${layer}`);
  }
  const separation = difference.reduce((sum, x, h) => sum + x * (oriented.unit[h] as number), 0);
  return {
    layer,
    unit: oriented.unit,
    separation,
    record: {
      ...found.details,
      layer,
      r: oriented.r,
      sign: oriented.sign,
      separation,
      // Of the whole features: a vector along which little of it lies is a noisy one.
      distance: norm(difference),
      // JSON has no NaN.
      validation_r: Number.isFinite(found.validationR) ? found.validationR : null,
      held_out: split.heldOut ? split.validation.labels.length : 0,
    },
    auroc: auroc(
      timesVector(split.validation.rows, Float64Array.from(oriented.unit)),
      split.validation.labels,
    ),
    seconds: (performance.now() - started) / 1000,
  };
}

function checkLabels({ labels, softLabels }: LayerFeatures, layer: number): void {
  const positives = labels.reduce((count, label) => count + (label > 0.5 ? 1 : 0), 0);
  if (positives === 0 || positives === labels.length) {
    throw errors.fitImpossible(
      `all ${labels.length} examples are ${positives === 0 ? 'negative' : 'positive'}: both kinds are needed`,
    );
  }
  if (softLabels === null) return;
  if (!softLabels.every(Number.isFinite)) {
    throw errors.fitImpossible(`the soft labels at layer ${layer} are not finite numbers`, 'labels');
  }
  if (softLabels.every((label) => label === softLabels[0])) {
    throw errors.fitImpossible(
      `the soft labels at layer ${layer} are all ${softLabels[0]}, so they tell nothing apart; use labels "hard"`,
      'labels',
    );
  }
}

/** [H] mean of the positives minus mean of the negatives. Refuses what is not finite, and classes that do not differ. */
function differenceOf({ rows, n, hiddenSize, labels }: LayerFeatures, layer: number): Float64Array {
  const sums = [new Float64Array(hiddenSize), new Float64Array(hiddenSize)] as const;
  const counts = [0, 0];
  let lengths = 0;
  for (let i = 0; i < n; i++) {
    const side = (labels[i] as number) > 0.5 ? 1 : 0;
    counts[side] = (counts[side] as number) + 1;
    const sum = sums[side];
    const row = rows.subarray(i * hiddenSize, (i + 1) * hiddenSize);
    lengths += norm(row);
    for (let h = 0; h < hiddenSize; h++) sum[h] = (sum[h] as number) + (row[h] as number);
  }
  const [negatives, positives] = counts as [number, number];
  const difference = sums[1].map((sum, h) => sum / positives - (sums[0][h] as number) / negatives);
  const distance = norm(difference);
  if (!Number.isFinite(lengths) || !Number.isFinite(distance)) {
    throw errors.fitImpossible(`the activations at layer ${layer} are not finite numbers`);
  }
  if (distance > (leastSeparation * lengths) / n) return difference;
  throw errors.fitImpossible(
    `positives and negatives give the same activations at layer ${layer}, so no direction tells them apart`,
  );
}

interface Oriented {
  /** [H] */
  readonly unit: Float32Array;
  /** Pearson's r of the rows' projections on `unit` with their labels: never negative. */
  readonly r: number;
  /** 1, or -1 where the method's direction was turned around. */
  readonly sign: 1 | -1;
}

/**
 * What makes directions of every method comparable: length 1, and the sign by which projections rise with the labels,
 * the soft ones where there are any. Null when the direction is zero or not finite, or when all rows project alike.
 * @param direction [H]
 */
export function orient(direction: Float32Array | Float64Array, features: LayerFeatures): Oriented | null {
  const length = norm(direction);
  const r = pearson(projections(features, direction), features.softLabels ?? features.labels);
  if (length === 0 || !Number.isFinite(length) || !Number.isFinite(r)) return null;
  const sign = r < 0 ? -1 : 1;
  return { unit: Float32Array.from(direction, (x) => (sign * x) / length), r: Math.abs(r), sign };
}

function projections(
  { rows, n, hiddenSize }: Pick<LayerFeatures, 'rows' | 'n' | 'hiddenSize'>,
  direction: Float32Array | Float64Array,
): Float64Array {
  return Float64Array.from({ length: n }, (_, i) => {
    const start = i * hiddenSize;
    let sum = 0;
    for (let h = 0; h < hiddenSize; h++) sum += (rows[start + h] as number) * (direction[h] as number);
    return sum;
  });
}
