/**
 * Steering can push the residual stream out of the range of float32. From then on a run computes nothing that means
 * anything, and this tells in which block that began.
 */

/** A sequence's or a text's activations are no finite numbers, or too large to be normalised. */
export class NumbersBroke extends Error {
  override readonly name = 'NumbersBroke';
  /** @param layer the block where it began; null when it is not known */
  constructor(readonly layer: number | null) {
    super(
      layer === null ? "the model's numbers overflowed" : `the model's numbers overflowed at layer ${layer}`,
    );
  }
}

/**
 * Largest projection whose square is a number in float32. A norm sums squares: beyond this it divides by infinity, and
 * the blocks behind it see zeros.
 */
const largestProjection = Math.sqrt(3.4028234e38);

/** Whether a block's output with projection <h, v> is out of range, before its edit or after it. */
export function isBroken(projection: number, add: number, scale: number): boolean {
  const after = projection + add + scale * projection;
  return !(Math.abs(projection) <= largestProjection && Math.abs(after) <= largestProjection);
}
