/**
 * Method `pca`: the top right singular vector of the differences between a positive row and the negative one paired
 * with it, not centred (representation engineering, arXiv 2310.01405, in the form of arXiv 2602.00333). Where a recipe
 * has no pairs, the i-th row of one class is paired with the i-th of the other.
 */
import { rowOf, weightedRowSum, zeros } from '../linear-algebra/matrix.js';
import { topEigenvector } from '../linear-algebra/top-eigenvector.js';
import { addScaled } from '../linear-algebra/vectors.js';
import { classes, validationR } from './labelled-rows.js';
import type { Method } from './method.js';

export const pca: Method = {
  direction: ({ training, validation }, products) => {
    const { positive, negative } = classes(training);
    const pairs = Math.min(positive.length, negative.length);
    const { columns } = training.rows;
    const differences = zeros(pairs, columns);
    for (let i = 0; i < pairs; i++) {
      const difference = rowOf(differences, i);
      difference.set(rowOf(training.rows, positive[i] as number));
      addScaled(difference, rowOf(training.rows, negative[i] as number), -1);
    }
    // The smaller of D D' and D' D is decomposed: D' times a left singular vector is the right one.
    const overPairs = pairs < columns;
    const square = products.multiply(differences, differences, overPairs ? 'second' : 'first');
    const { value, vector } = topEigenvector(square);
    if (!(value > 0)) return null;
    const direction = overPairs ? weightedRowSum(differences, vector) : vector;
    return { direction, validationR: validationR(validation, direction), details: { pairs } };
  },
};
