/**
 * Every method by its name in the API. A new one is a file in this folder that makes a `Method` (mean-difference.ts is
 * the shortest), a line in this table, and its name with a description in src/schemas/fit-choices.ts. The tests of
 * test/fitting/methods/laws.test.ts run for every name.
 */
import type { MethodName } from '../../schemas/fit-choices.js';
import { linear } from './linear.js';
import { logistic } from './logistic.js';
import { meanDifference } from './mean-difference.js';
import type { Method } from './method.js';
import { pca } from './pca.js';
import { rfm } from './rfm.js';

export const methods: Readonly<Record<MethodName, Method>> = {
  rfm,
  mean_difference: meanDifference,
  pca,
  logistic,
  linear,
};
