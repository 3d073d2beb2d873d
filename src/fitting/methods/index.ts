/** Every method by its name in the API. A new one is a file here and a line in this table. */
import { linear } from './linear.js';
import { logistic } from './logistic.js';
import { meanDifference } from './mean-difference.js';
import type { Method } from './method.js';
import { pca } from './pca.js';
import { rfm } from './rfm.js';

export const methods = { rfm, mean_difference: meanDifference, pca, logistic, linear } satisfies Record<
  string,
  Method
>;

export type MethodName = keyof typeof methods;
export const methodNames = Object.keys(methods) as [MethodName, ...MethodName[]];
