/** How many tokens a slot holds. */
import type { ModelSpec } from '../model-spec.js';

/** When none is asked for: enough for chat, and 16 full slots of a small model fit in memory. */
const defaultCapacity = 4096;

/** `asked`, or for 0 a usual size; never more than the model was made for. */
export function chooseCapacity(asked: number, { contextLength }: Pick<ModelSpec, 'contextLength'>): number {
  return Math.min(asked > 0 ? asked : defaultCapacity, contextLength);
}
