/**
 * Method `logistic`: logistic regression with an L2 penalty and a free intercept, by iteratively reweighted least
 * squares (Hastie, Tibshirani and Friedman, The Elements of Statistical Learning, 4.4.1); soft labels are
 * probabilities to match. C, the weight of the loss against |b|^2 / 2, is the one with the least log loss on the
 * validation rows. The grid is wider than that of the paper's code, whose rows are not of unit length.
 */
import { dot } from '../linear-algebra/vectors.js';
import { between, predictions, type RidgeFit, WeightedRidge } from '../linear-algebra/weighted-ridge.js';
import { type LabelledRows, validationR } from './labelled-rows.js';
import type { Method } from './method.js';
import { bestOfGrid } from './penalty-grid.js';

/** From strong to weak regularisation. */
const grid = [0.1, 1, 10, 100, 1000, 10_000];
const mostSteps = 50;
/** Relative decrease of the objective that ends the steps. */
const tolerance = 1e-10;
/** p (1 - p) at least: rows predicted with certainty keep some weight, so that the system can be solved. */
const leastWeight = 1e-8;

export const logistic: Method = {
  direction: (split, products) => {
    const { training, validation } = split;
    const ridge = new WeightedRidge(training.rows, products);
    // The solution at one C is where the next one starts.
    let fit: RidgeFit = { coefficients: new Float64Array(training.rows.columns), intercept: 0 };
    const best = bestOfGrid(split, grid, (c) => {
      fit = minimize(ridge, training, 1 / c, fit);
      return { fit, loss: logLoss(predictions(validation.rows, fit), validation.targets) };
    });
    if (best === null) return null;
    const { coefficients } = best.fit;
    return {
      direction: coefficients,
      validationR: validationR(validation, coefficients),
      details: { c: best.setting, validation_loss: best.loss },
    };
  },
};

function minimize(
  ridge: WeightedRidge,
  { rows, targets }: LabelledRows,
  penalty: number,
  start: RidgeFit,
): RidgeFit {
  const n = targets.length;
  const objective = (fit: RidgeFit, logits: Float64Array) =>
    n * logLoss(logits, targets) + (penalty / 2) * dot(fit.coefficients, fit.coefficients);
  let fit = start;
  let logits = predictions(rows, fit);
  let value = objective(fit, logits);
  for (let step = 0; step < mostSteps; step++) {
    const p = logits.map(sigmoid);
    const weights = p.map((x) => Math.max(x * (1 - x), leastWeight));
    const response = logits.map(
      (logit, i) => logit + ((targets[i] as number) - (p[i] as number)) / (weights[i] as number),
    );
    const aim = ridge.solve(weights, response, penalty);
    if (aim === null) return fit;
    let next = aim;
    let nextLogits = predictions(rows, next);
    let nextValue = objective(next, nextLogits);
    for (let share = 0.5; !(nextValue <= value) && share > 1e-6; share /= 2) {
      next = between(fit, aim, share);
      nextLogits = predictions(rows, next);
      nextValue = objective(next, nextLogits);
    }
    if (!(nextValue <= value)) return fit;
    const gained = value - nextValue;
    [fit, logits, value] = [next, nextLogits, nextValue];
    if (gained <= tolerance * (1 + value)) break;
  }
  return fit;
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

/** Mean cross-entropy of targets between 0 and 1 under logits, without overflow: log(1 + e^x) - t x. */
function logLoss(logits: Float64Array, targets: Float64Array): number {
  const sum = logits.reduce(
    (total, x, i) => total + Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))) - (targets[i] as number) * x,
    0,
  );
  return sum / logits.length;
}
