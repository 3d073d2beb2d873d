/** Every method by its name in the API. A new one is a file here and a line in this table. */
import { meanDifference } from './mean-difference.js';
import type { Method } from './method.js';

export const methods = { mean_difference: meanDifference } satisfies Record<string, Method>;

export type MethodName = keyof typeof methods;
export const methodNames = Object.keys(methods) as [MethodName, ...MethodName[]];
export const defaultMethod: MethodName = 'mean_difference';
