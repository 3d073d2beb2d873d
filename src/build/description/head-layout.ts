/**
 * Where the numbers of an attention head lie in the graph. GroupQueryAttention with the rotary embedding inside takes heads of a
 * multiple of 16 numbers, of which a multiple of 16 are rotated (onnxruntime, `group_query_attention_helper.h`: `head_size` of 16, the
 * second dimension of `cos_cache` of 8). Other heads get zeros between: they add nothing to any product.
 */

export interface HeadLayout {
  /** Numbers of a head in the checkpoint, and in the graph. */
  readonly given: number;
  readonly padded: number;
  /** The place in the graph of each of the checkpoint's. */
  readonly places: readonly number[];
}

const multiple = 16;
const upTo = (value: number, of: number) => Math.ceil(value / of) * of;

/**
 * @param rotated of a head's numbers, the first: each of the first half turns with one of the second
 */
export function headLayout(given: number, rotated: number): HeadLayout {
  const half = rotated / 2;
  const wideHalf = upTo(half, multiple / 2);
  const places = Array.from({ length: given }, (_, i) => {
    if (i < half) return i;
    return i < rotated ? i - half + wideHalf : i - rotated + 2 * wideHalf;
  });
  return { given, padded: upTo(2 * wideHalf + given - rotated, multiple), places };
}

/** The frequencies of a table that is as wide as the layout's: what turns zeros does not matter. */
export function paddedFrequencies(frequencies: Float32Array): Float32Array {
  const padded = new Float32Array(upTo(frequencies.length, multiple / 2));
  padded.set(frequencies);
  return padded;
}
