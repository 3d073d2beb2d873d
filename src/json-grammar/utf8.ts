/** Ranges of Unicode code points as ranges of bytes in UTF-8. */

/** Both ends are inside. */
export type CodePointRange = readonly [from: number, to: number];

/** Both ends are inside. */
export type ByteRange = readonly [from: number, to: number];

/** The first code points that take one byte more than those before; the last is the end of Unicode. */
const lengthLimits = [0x80, 0x800, 0x10000, 0x110000];

const bytesOf = (point: number) => [...Buffer.from(String.fromCodePoint(point), 'utf8')];

/**
 * The UTF-8 encodings of a range without surrogates, as sequences of byte ranges: one range for each byte, such that
 * every choice of one byte from each range encodes a character of the code point range.
 */
export function utf8Sequences([from, to]: CodePointRange): (readonly ByteRange[])[] {
  const limit = lengthLimits.find((end) => from < end) ?? 0x110000;
  if (to >= limit) return [...utf8Sequences([from, limit - 1]), ...utf8Sequences([limit, to])];
  const [first, last] = [bytesOf(from), bytesOf(to)];
  // The bits in the bytes after the first one that differs must run from all zeros to all ones; else split there.
  for (let i = 1; i < first.length; i++) {
    const rest = 6 * (first.length - i);
    const ones = 2 ** rest - 1;
    if (first[i - 1] === last[i - 1]) continue;
    if ((from & ones) !== 0)
      return [...utf8Sequences([from, from | ones]), ...utf8Sequences([(from | ones) + 1, to])];
    if ((to & ones) !== ones) {
      const start = to - (to & ones);
      return [...utf8Sequences([from, start - 1]), ...utf8Sequences([start, to])];
    }
    break;
  }
  return [first.map((byte, i): ByteRange => [byte, last[i] as number])];
}
