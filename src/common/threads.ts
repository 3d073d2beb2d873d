/** How many threads one operator may use. */
import { availableParallelism } from 'node:os';
import { cpuQuota } from './cpu-quota.js';

/** Beyond this decoding small batches gains nothing: the weights' memory traffic is the limit. */
const mostThreads = 16;

/** `asked`, or for 0 every core this process may use: more than that spins against itself. */
export function chooseThreads(asked: number, quota: number = cpuQuota()): number {
  if (asked > 0) return asked;
  return Math.max(1, Math.min(availableParallelism(), Math.floor(quota), mostThreads));
}
