/** How many threads one operator may use. */
import { availableParallelism } from 'node:os';

/** Beyond this decoding small batches gains nothing: the weights' memory traffic is the limit. */
const mostThreads = 16;

/** `asked`, or for 0 every core this process may use: more than that spins against itself. */
export function chooseThreads(asked: number): number {
  return asked > 0 ? asked : Math.min(availableParallelism(), mostThreads);
}
