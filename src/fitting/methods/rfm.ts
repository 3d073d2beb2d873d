/**
 * Method `rfm`, the paper's own (arXiv 2602.00333): six recursive feature machines (agop.ts), one for each bandwidth
 * with and without normalising the centred rows, ten rounds each. The direction is the top eigenvector, among those of
 * all their matrices M, whose projections correlate best with the validation targets.
 *
 * The machine has no intercept: far from the rows it predicts 0. With hard labels of 0 and 1 that would favour the
 * negatives, and swapped sides would give another direction instead of the opposite one; so hard labels are centred.
 * Soft labels are learned as they are, as in the paper's code: 0 is "no attention", and has no mirror image.
 */

import { evenlySpread } from '../../common/evenly-spread.js';
import {
  columnMeans,
  type Matrix,
  pickRows,
  subtractFromRows,
  timesVector,
  weightedRowSum,
} from '../linear-algebra/matrix.js';
import type { Products } from '../linear-algebra/products.js';
import { pearson } from '../linear-algebra/vectors.js';
import { learnedFeatures } from './agop.js';
import { classes, type LabelledRows, normalizeRows, pickExamples, type SplitRows } from './labelled-rows.js';
import type { Method } from './method.js';
import { type Span, spanOf } from './span.js';

const bandwidths = [1, 10, 100];
const ridge = 1e-3;
const rounds = 10;
/**
 * Rows that teach: a machine keeps four square matrices of their number, and a round takes its cube. With 820 a layer of
 * the embedded model takes up to half a minute and 22 MB; with 10,000 it would be hours and 3 GB.
 */
const mostTaught = 820;
/** Correlations closer than this are equal: what is left is the order in which sums were taken. */
const tie = 1e-9;

export const rfm: Method = { direction };

interface Candidate {
  readonly r: number;
  readonly span: Span;
  readonly coordinates: Float64Array;
  readonly details: Readonly<Record<string, unknown>>;
}

function direction({ training: all, validation }: SplitRows, products: Products) {
  const training = fewer(all);
  const sampled = training === all ? {} : { taught_rows: training.labels.length, of_rows: all.labels.length };
  const center = columnMeans(training.rows);
  const taught = taughtTargets(training);
  const spaces = [true, false].map((normalized) => {
    const span = spanOf(centered(training.rows, center, normalized), products);
    const held = centered(validation.rows, center, normalized);
    const projected = span.basis === null ? held : products.multiply(held, span.basis, 'second');
    return { normalized, span, projected };
  });
  let best: Candidate | null = null;
  for (const bandwidth of bandwidths) {
    for (const { normalized, span, projected } of spaces) {
      const settings = { bandwidth, ridge, rounds };
      let own: Candidate | null = null;
      for (const { round, coordinates } of learnedFeatures(span, taught, settings, products)) {
        const r = Math.abs(pearson(timesVector(projected, coordinates), validation.targets));
        if (!(r > (own === null ? 0 : own.r + tie))) continue;
        own = { r, span, coordinates, details: { bandwidth, normalized_rows: normalized, round } };
      }
      // Of equals, the earliest round and the latest machine, as in the paper's code (direction_utils.py).
      if (own !== null && own.r >= (best?.r ?? 0) - tie) best = own;
    }
  }
  if (best === null) return null;
  const { span, coordinates, r, details } = best;
  return {
    direction: span.basis === null ? coordinates : weightedRowSum(span.basis, coordinates),
    validationR: r,
    details: { ...details, ...sampled },
  };
}

/** Less their mean when they are the classes themselves. */
function taughtTargets({ labels, targets }: LabelledRows): Float64Array {
  if (targets.some((target, i) => target !== labels[i])) return targets;
  const mean = targets.reduce((sum, target) => sum + target, 0) / targets.length;
  return targets.map((target) => target - mean);
}

/** At most `mostTaught` rows: of each class its share, evenly spread, in the order they come in. */
function fewer(all: LabelledRows): LabelledRows {
  const total = all.labels.length;
  if (total <= mostTaught) return all;
  const { positive, negative } = classes(all);
  const some = (side: readonly number[]) =>
    evenlySpread(side, Math.floor((side.length * mostTaught) / total));
  return pickExamples(
    all,
    [...some(positive), ...some(negative)].sort((a, b) => a - b),
  );
}

function centered(rows: Matrix, center: Float64Array, normalized: boolean): Matrix {
  const copy = pickRows(rows, [...Array(rows.rows).keys()]);
  subtractFromRows(copy, center);
  if (normalized) normalizeRows(copy);
  return copy;
}
