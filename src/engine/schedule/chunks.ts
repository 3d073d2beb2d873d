/**
 * Cutting a text into runs so that its logits do not depend on the cut, to the bit.
 *
 * GroupQueryAttention on the CPU computes queries in blocks of rows, and a block of one row, or a run of one
 * token, goes through other kernels, whose last bits differ; a quantised model turns those into other answers.
 * So no run has one token, and none leaves one over after its last whole block: blocks have an even number of
 * rows, and at least 64 of them (the lesser of twice the head size and what fits the L2 cache).
 */
const smallestBlock = 64;

/** End of the run of about `size` tokens that starts at `from`, of a text that ends at `end`; Infinity never cuts. */
export function chunkEnd(from: number, end: number, size: number): number {
  if (size === Number.POSITIVE_INFINITY) return end;
  const left = end - from;
  if (left <= 3) return end;
  if (left <= size) return left <= smallestBlock || left % 2 === 0 ? end : end - 3;
  const even = Math.max(2, size - (size % 2));
  return from + (left - even === 1 ? even - 2 : even);
}
