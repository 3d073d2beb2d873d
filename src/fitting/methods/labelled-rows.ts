/**
 * A layer's features made ready for any method: unit rows, targets between 0 and 1, and the split into training and
 * validation rows. The paper's code (github.com/pdavar/attention_guided_steering, control_toolkits.py) lists examples
 * in pairs, positive then negative, and validates on the last fifth; here they may come in any order and number.
 */
import { type Matrix, pickRows, rowOf, timesVector, zeros } from '../linear-algebra/matrix.js';
import { norm, pearson, scale } from '../linear-algebra/vectors.js';

/** One layer's features as a recipe yields them. */
export interface LayerFeatures {
  /** [n * H] row-major. */
  readonly rows: Float32Array;
  readonly n: number;
  /** H */
  readonly hiddenSize: number;
  /** [n] 1 with the concept, 0 without. */
  readonly labels: Float32Array;
  /** [n] labels to learn, or null for `labels`. */
  readonly softLabels: Float32Array | null;
}

/** Examples as methods see them. */
export interface LabelledRows {
  /** [n, H] unit rows; a zero row where the features were zero. */
  readonly rows: Matrix;
  /** [n] 1 with the concept, 0 without. */
  readonly labels: Float64Array;
  /** [n] what to predict, between 0 and 1: the labels, or the soft labels scaled to their range. */
  readonly targets: Float64Array;
}

export interface SplitRows {
  /** Both classes, at least two of each. */
  readonly training: LabelledRows;
  /** What methods choose their settings by: both classes. The training rows themselves when `heldOut` is false. */
  readonly validation: LabelledRows;
  /** False where there are too few examples to hold any out. */
  readonly heldOut: boolean;
}

const validationShare = 0.2;
const mostValidation = 256;
/** Of each class, in training and in validation: with fewer a correlation says nothing. */
const fewestOfAClass = 2;

/** Unit rows in an order that pairs the classes, the last fifth of them held out for validation. */
export function splitRows(features: LayerFeatures): SplitRows {
  const { n, labels } = features;
  const all: LabelledRows = {
    rows: unitRows(features),
    labels: Float64Array.from(labels),
    targets: toRange(features.softLabels ?? labels),
  };
  const placed = placedRows(labels);
  const order = placed.map(({ index }) => index);
  const held = Math.min(Math.floor(validationShare * n), mostValidation);
  const even = n - held + ((n - held) % 2);
  // Between two rows of the same place the cut would depend on which class counts as positive.
  const taught = placed[even - 1]?.place === placed[even]?.place ? even + 1 : even;
  const training = pickExamples(all, order.slice(0, taught));
  const validation = pickExamples(all, order.slice(taught));
  if (enough(training) && enough(validation)) return { training, validation, heldOut: true };
  const whole = pickExamples(all, order);
  return { training: whole, validation: whole, heldOut: false };
}

/**
 * Positives and negatives in turn, each class in its own order and spread evenly: with as many of each, the i-th
 * positive and then the i-th negative. So the rows at the end, which validate, hold both classes.
 */
export function placedRows(labels: Float32Array): { readonly index: number; readonly place: number }[] {
  const positives = labels.reduce((count, label) => count + (label > 0.5 ? 1 : 0), 0);
  const seen = { positive: 0, negative: 0 };
  const placed = Array.from(labels, (label, index) => {
    const side = label > 0.5 ? 'positive' : 'negative';
    const size = label > 0.5 ? positives : labels.length - positives;
    return { index, side, place: (seen[side]++ + 0.5) / size };
  });
  return placed.sort(
    (a, b) => a.place - b.place || (a.side === b.side ? a.index - b.index : a.side === 'positive' ? -1 : 1),
  );
}

function unitRows({ rows, n, hiddenSize }: LayerFeatures): Matrix {
  const units = zeros(n, hiddenSize);
  units.data.set(rows);
  normalizeRows(units);
  return units;
}

/** Every row to length 1, in place; zero rows stay. */
export function normalizeRows(matrix: Matrix): void {
  for (let i = 0; i < matrix.rows; i++) {
    const row = rowOf(matrix, i);
    const length = norm(row);
    if (length > 0) scale(row, 1 / length);
  }
}

/** Values from their least to their greatest become 0 to 1; equal values become 0. */
function toRange(values: Float32Array): Float64Array {
  const least = values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const range = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY) - least;
  return Float64Array.from(values, (value) => (range > 0 ? (value - least) / range : 0));
}

/** Copies of those examples, in that order. */
export const pickExamples = (examples: LabelledRows, indices: readonly number[]): LabelledRows => ({
  rows: pickRows(examples.rows, indices),
  labels: Float64Array.from(indices, (index) => examples.labels[index] as number),
  targets: Float64Array.from(indices, (index) => examples.targets[index] as number),
});

function enough({ labels }: LabelledRows): boolean {
  const positives = labels.reduce((count, label) => count + (label > 0.5 ? 1 : 0), 0);
  return positives >= fewestOfAClass && labels.length - positives >= fewestOfAClass;
}

/** Indices of the examples with the concept, and of those without. */
export function classes({ labels }: Pick<LabelledRows, 'labels'>): {
  positive: number[];
  negative: number[];
} {
  const positive: number[] = [];
  const negative: number[] = [];
  for (const [i, label] of labels.entries()) (label > 0.5 ? positive : negative).push(i);
  return { positive, negative };
}

/** |Pearson's r| of the rows' projections with their targets; NaN when either is constant. */
export function validationR({ rows, targets }: LabelledRows, direction: Float64Array): number {
  return Math.abs(pearson(timesVector(rows, direction), targets));
}
