/**
 * Whether logits can be those of a model. Where an activation overflows, they are not numbers, or, when a norm has
 * divided by infinity, all the same.
 */

/** Logits that nothing can be sampled from. */
export class BrokenLogits extends Error {
  override readonly name = 'BrokenLogits';
  constructor() {
    super("the model's logits are no finite numbers");
  }
}

/** How many logits are looked at before all are. */
const looks = 32;

/** Whether all logits are the same; almost always told from the first two. */
export function areFlat(logits: Float32Array): boolean {
  const first = logits[0];
  const stride = Math.max(1, Math.floor(logits.length / looks));
  for (let token = 0; token < logits.length; token += stride) if (logits[token] !== first) return false;
  return logits.length > 1 && logits.every((logit) => logit === first);
}
