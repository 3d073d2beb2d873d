/**
 * Expressions for the numbers between two bounds, digit by digit. They have at most 15 significant digits, which a
 * double represents faithfully, so that a validator compares the number as it is written; and no exponents.
 */
import { either, literal, repeat } from './ebnf.js';

interface Bounds {
  /** -Infinity for no lower bound. */
  readonly least: number;
  /** Infinity for no upper bound. */
  readonly most: number;
  /** Whether the bounds themselves are excluded. */
  readonly aboveLeast: boolean;
  readonly belowMost: boolean;
}

const mostDigits = 15;
/** Digits after the decimal point of a bounded number, unless its bounds have more. */
const usualFraction = 4;
const largest = 10n ** BigInt(mostDigits) - 1n;
const largestInteger = BigInt(Number.MAX_SAFE_INTEGER);

const digit = (from: string, to: string) => (from === to ? literal(from) : `[${from}-${to}]`);

/** Digit strings from `low` to `high`, which must be of one length. */
function sameLength(low: string, high: string): string {
  if (low === high) return literal(low);
  const rest = low.length - 1;
  if (rest === 0) return digit(low, high);
  if (/^0*$/.test(low) && /^9*$/.test(high)) return repeat('[0-9]', low.length, low.length);
  const [first = '', last = ''] = [low[0], high[0]];
  if (first === last) return `${literal(first)} ${sameLength(low.slice(1), high.slice(1))}`;
  const alternatives: string[] = [];
  let [from, to] = [Number(first), Number(last)];
  if (!/^0*$/.test(low.slice(1))) {
    alternatives.push(`${literal(first)} ${sameLength(low.slice(1), '9'.repeat(rest))}`);
    from++;
  }
  const atEnd = /^9*$/.test(high.slice(1));
  if (!atEnd) to--;
  if (from <= to) alternatives.push(`${digit(String(from), String(to))} ${repeat('[0-9]', rest, rest)}`);
  if (!atEnd) alternatives.push(`${literal(last)} ${sameLength('0'.repeat(rest), high.slice(1))}`);
  return either(alternatives);
}

/** Integers from `low` to `high`, neither negative, as alternatives. */
function whole(low: bigint, high: bigint): string[] {
  const alternatives: string[] = [];
  /** Lengths of which every number is between the bounds: one alternative covers them all. */
  const full: number[] = [];
  for (let length = 1; length <= String(high).length; length++) {
    const least = length === 1 ? 0n : 10n ** BigInt(length - 1);
    const most = 10n ** BigInt(length) - 1n;
    const [from, to] = [low > least ? low : least, high < most ? high : most];
    if (from > to) continue;
    if (length > 1 && from === least && to === most) full.push(length);
    else alternatives.push(sameLength(String(from), String(to)));
  }
  if (full.length > 0)
    alternatives.push(`[1-9] ${repeat('[0-9]', Math.min(...full) - 1, Math.max(...full) - 1)}`);
  return alternatives;
}

/**
 * Multiples of 10^-fraction from `low` to `high` that have the same integer part, with all their digits after the
 * point. The bounds are given in units of 10^-fraction.
 */
function pointed(low: bigint, high: bigint, fraction: number): string {
  const unit = 10n ** BigInt(fraction);
  const digits = (value: bigint) => String(value % unit).padStart(fraction, '0');
  return `${literal(String(low / unit))} ${literal('.')} ${sameLength(digits(low), digits(high))}`;
}

/**
 * Multiples of 10^-fraction from `low` to `high`, neither negative, with all their digits after the point, as
 * alternatives. The bounds are given in units of 10^-fraction.
 */
function positive(low: bigint, high: bigint, fraction: number): string[] {
  if (low > high) return [];
  if (fraction === 0) return whole(low, high);
  const unit = 10n ** BigInt(fraction);
  let [from, to] = [low / unit, high / unit];
  if (from === to) return [pointed(low, high, fraction)];
  const alternatives: string[] = [];
  if (low % unit !== 0n) {
    alternatives.push(pointed(low, (from + 1n) * unit - 1n, fraction));
    from++;
  }
  if ((high + 1n) % unit !== 0n) {
    alternatives.push(pointed(to * unit, high, fraction));
    to--;
  }
  if (from <= to)
    alternatives.push(`${either(whole(from, to))} ${literal('.')} ${repeat('[0-9]', fraction, fraction)}`);
  return alternatives;
}

/** The same for bounds of either sign. */
function signed(low: bigint, high: bigint, fraction: number): string[] {
  const alternatives = high >= 0n ? positive(low > 0n ? low : 0n, high, fraction) : [];
  if (low < 0n) {
    // Zero has no minus sign.
    const negative = positive(high < 0n ? -high : 1n, -low, fraction);
    if (negative.length > 0) alternatives.push(`${literal('-')} ${either(negative)}`);
  }
  return alternatives;
}

/** A bound as an exact decimal: value = whole / 10^decimals. */
function decimal(value: number): { readonly whole: bigint; readonly decimals: number } {
  const [, sign = '', integer = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(value)) ?? [];
  const whole = BigInt(sign + integer + fraction);
  const decimals = fraction.length - Number(exponent);
  return decimals >= 0 ? { whole, decimals } : { whole: whole * 10n ** BigInt(-decimals), decimals: 0 };
}

/**
 * The least and greatest multiple of 10^-fraction between the bounds, in units of 10^-fraction; at most `limit` in
 * size.
 */
function multiples(bounds: Bounds, fraction: number, limit: bigint): readonly [bigint, bigint] {
  const at = (value: number) => {
    const { whole, decimals } = decimal(value);
    if (decimals <= fraction) return { down: whole * 10n ** BigInt(fraction - decimals), exact: true };
    const unit = 10n ** BigInt(decimals - fraction);
    const down = whole / unit - (whole < 0n && whole % unit !== 0n ? 1n : 0n);
    return { down, exact: whole % unit === 0n };
  };
  let [low, high] = [-limit, limit];
  if (Number.isFinite(bounds.least)) {
    const { down, exact } = at(bounds.least);
    const least = exact && !bounds.aboveLeast ? down : down + 1n;
    if (least > low) low = least;
  }
  if (Number.isFinite(bounds.most)) {
    const { down, exact } = at(bounds.most);
    const most = exact && bounds.belowMost ? down - 1n : down;
    if (most < high) high = most;
  }
  return [low, high];
}

/** An integer between the bounds; null when there is none that a double represents exactly. */
export function integerExpression(bounds: Bounds): string | null {
  const bounded = Number.isFinite(bounds.least) && Number.isFinite(bounds.most);
  const [low, high] = multiples(bounds, 0, bounded ? largestInteger : largest);
  const alternatives = low > high ? [] : signed(low, high, 0);
  return alternatives.length === 0 ? null : either(alternatives);
}

/**
 * A number between the bounds; null when there is none with the digits that are written here.
 * @param mostFraction digits after the point at most
 */
export function numberExpression(bounds: Bounds, mostFraction = mostDigits): string | null {
  const finite = [bounds.least, bounds.most].filter(Number.isFinite);
  if (finite.length === 0) {
    const integer = either([literal('0'), `[1-9] ${repeat('[0-9]', 0, mostDigits - 1)}`]);
    return `"-"? ${integer} ("." ${repeat('[0-9]', 1, Math.min(10, mostFraction))})?`;
  }
  const own = Math.max(...finite.map((value) => decimal(value).decimals));
  const alternatives: string[] = [];
  const longest = Math.min(mostDigits, mostFraction, Math.max(own, usualFraction));
  for (let fraction = 0; fraction <= longest; fraction++) {
    const [low, high] = multiples(bounds, fraction, largest);
    if (low <= high) alternatives.push(...signed(low, high, fraction));
  }
  return alternatives.length === 0 ? null : either(alternatives);
}
