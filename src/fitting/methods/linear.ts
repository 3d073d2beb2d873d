/**
 * Method `linear`: ridge regression of the targets on the rows with a free intercept; the penalty is the one with the
 * least squared error on the validation rows (grid: github.com/pdavar/attention_guided_steering, direction_utils.py).
 */
import { predictions, WeightedRidge } from '../linear-algebra/weighted-ridge.js';
import { validationR } from './labelled-rows.js';
import type { Method } from './method.js';
import { bestOfGrid } from './penalty-grid.js';

/** From strong to weak. */
const penalties = [10, 1, 1e-1, 1e-2, 1e-3, 1e-4];

export const linear: Method = {
  direction: (split, products) => {
    const { training, validation } = split;
    const ridge = new WeightedRidge(training.rows, products);
    const weights = new Float64Array(training.rows.rows).fill(1);
    const best = bestOfGrid(split, penalties, (penalty) => {
      const fit = ridge.solve(weights, training.targets, penalty);
      return fit && { fit, loss: squaredError(predictions(validation.rows, fit), validation.targets) };
    });
    if (best === null) return null;
    const { coefficients } = best.fit;
    return {
      direction: coefficients,
      validationR: validationR(validation, coefficients),
      details: { penalty: best.setting, validation_loss: best.loss },
    };
  },
};

function squaredError(predicted: Float64Array, targets: Float64Array): number {
  const sum = predicted.reduce((total, value, i) => total + (value - (targets[i] as number)) ** 2, 0);
  return sum / predicted.length;
}
