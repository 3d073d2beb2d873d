/** How well a direction tells apart examples that did not teach it. */
import { timesVector } from '../linear-algebra/matrix.js';
import { pearson } from '../linear-algebra/vectors.js';
import type { Examples } from './method.js';

/** |Pearson's r| of the projections with the targets; NaN when either is constant. */
export function validationR({ rows, targets }: Examples, direction: Float64Array): number {
  return Math.abs(pearson(timesVector(rows, direction), targets));
}
