/** Ranges of code points as sequences of ranges of bytes in UTF-8. */
import type { CodePointRange } from './ebnf.js';

/** First code point that takes one byte more. */
const lengths = [0x80, 0x800, 0x10000, 0x110000];

const bytesOf = (point: number) => [...Buffer.from(String.fromCodePoint(point), 'utf8')];

/** Each sequence has one range per byte; any choice of bytes from it is a character of the range. No surrogates. */
export function utf8Sequences([from, to]: CodePointRange): (readonly CodePointRange[])[] {
  const limit = lengths.find((end) => from < end) ?? 0x110000;
  if (to >= limit) return [...utf8Sequences([from, limit - 1]), ...utf8Sequences([limit, to])];
  const [first, last] = [bytesOf(from), bytesOf(to)];
  // Bits of the bytes after the first one that differs: they must run from all zeros to all ones.
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
  return [first.map((byte, i): CodePointRange => [byte, last[i] as number])];
}
