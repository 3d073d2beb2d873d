/**
 * Method `mean_difference`: difference in means, the mean of the rows with the concept minus the mean of those without
 * (arXiv 2310.06824 and, on answers, persona vectors, arXiv 2507.21509).
 */
import { weightedRowSum } from '../linear-algebra/matrix.js';
import { type LabelledRows, validationR } from './labelled-rows.js';
import type { Method } from './method.js';

export const meanDifference: Method = {
  direction: ({ training, validation }) => {
    const direction = differenceOfMeans(training);
    return { direction, validationR: validationR(validation, direction), details: {} };
  },
};

/** [H] mean of the rows with a label above one half minus mean of the rest; NaN when either class is empty. */
export function differenceOfMeans({ rows, labels }: Pick<LabelledRows, 'rows' | 'labels'>): Float64Array {
  const positives = labels.reduce((count, label) => count + (label > 0.5 ? 1 : 0), 0);
  const negatives = labels.length - positives;
  return weightedRowSum(
    rows,
    labels.map((label) => (label > 0.5 ? 1 / positives : -1 / negatives)),
  );
}
