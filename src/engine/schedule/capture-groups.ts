/** Which captures are read by one run: those of a fit are short and many, and a run of few tokens keeps a processor idle. */
import { sameElements } from '../../common/common-length.js';

/** What is known of a capture before it begins. */
export interface WaitingCapture {
  /** The prefix that stays cached for other texts. */
  readonly prefix: readonly number[];
  /** Tokens behind the prefix that must be run. */
  readonly own: number;
  /** Tokens of the cache row that it needs. */
  readonly capacity: number;
  /** Positions to read. */
  readonly positions: number;
  /** Whether attention is asked for. */
  readonly attends: boolean;
}

/** A text of more tokens is as fast alone. */
const longest = 64;
/** Of a run so much may be padding, rows without a text included: with more, one by one is as fast. */
const mostPadding = 0.4;

/**
 * The captures of `waiting` to be read together with the first of them, as many as `most`: they need the same cache row,
 * begin with the same prefix, and one run gives each the numbers that it has alone.
 * @returns indices, the first included; that alone when too few are alike
 */
export function captureGroup(waiting: readonly WaitingCapture[], most: number): number[] {
  const [first] = waiting;
  if (!first || !isShort(first) || most < 2) return [0];
  const others = waiting.flatMap((one, index) => (index > 0 && fits(one, first) ? [index] : []));
  const lengthOf = (index: number) => waiting[index]?.own ?? 0;
  const apart = (index: number) => Math.abs(lengthOf(index) - first.own);
  // Those of the nearest length are padded least.
  others.sort((a, b) => apart(a) - apart(b) || a - b);
  for (let count = Math.min(most, others.length + 1); count > 1; count--) {
    const group = [0, ...others.slice(0, count - 1)];
    const tokens = group.reduce((sum, index) => sum + lengthOf(index), 0);
    if (tokens >= (1 - mostPadding) * most * Math.max(...group.map(lengthOf))) return group;
  }
  return [0];
}

/** A run of one token has kernels of its own (chunks.ts). */
const isShort = ({ own }: WaitingCapture) => own >= 2 && own <= longest;

function fits(one: WaitingCapture, first: WaitingCapture): boolean {
  if (!isShort(one) || one.capacity !== first.capacity) return false;
  // Attention at another number of positions is another product.
  if ((one.attends || first.attends) && one.positions !== first.positions) return false;
  return sameElements(one.prefix, first.prefix);
}
