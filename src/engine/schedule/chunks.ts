/**
 * Cuts a text into chunks, each one run, so that its logits do not depend on the cut, to the bit.
 *
 * GroupQueryAttention on the CPU computes queries in blocks of rows. A block of one row, or a run of one token, goes
 * through other kernels, whose last bits differ, and a quantised model amplifies that into other answers. So no chunk
 * has one token, and none leaves one over after its last whole block: blocks have an even number of rows, and at least
 * 64 of them where heads have 32 numbers or more (the lesser of twice the head size and what fits the L2 cache). Models
 * that people use have; with smaller heads a text of 33 tokens may differ in its last bits from one that was cut.
 */
const smallestBlock = 64;

/**
 * Tokens of a run that reads whole prompts, the longest of which has `longest`: padded so that no block of rows in it
 * has one row. Prompts that nothing comes before may be padded: what is computed behind their end is overwritten.
 */
export function paddedLength(longest: number): number {
  return longest <= smallestBlock ? longest : longest + (longest % 2);
}

/** The chunk size of an export that takes a text in one piece only. */
export const uncut = Number.POSITIVE_INFINITY;

/** Tokens of a chunk, give or take one, whose positions all need logits: these are V floats each. */
const mostScored = 64;

/** The chunk size where every position needs logits. */
export function scoredChunk(size: number): number {
  return size === uncut ? uncut : Math.min(size, mostScored);
}

/** End of the chunk of about `size` tokens that starts at `from`, of a text that ends at `end`. */
export function chunkEnd(from: number, end: number, size: number): number {
  if (size === uncut) return end;
  const left = end - from;
  if (left <= 3) return end;
  if (left <= size) return left <= smallestBlock || left % 2 === 0 ? end : end - 3;
  const even = Math.max(2, size - (size % 2));
  return from + (left - even === 1 ? even - 2 : even);
}
