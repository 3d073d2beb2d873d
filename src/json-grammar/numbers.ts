/**
 * Numbers between bounds, digit by digit: with no more digits than a double keeps apart, so that what is written is
 * what is compared. Exponents are left out.
 */
import { either, text, times } from './ebnf.js';

export interface Bounds {
  /** Infinite without. */
  readonly least: number;
  readonly most: number;
  /** Whether the ends themselves are out. */
  readonly aboveLeast: boolean;
  readonly belowMost: boolean;
}

const mostDigits = 15;
/** Digits after the point of a bounded number, unless its bounds have more. */
const usualFraction = 4;
const largest = 10n ** BigInt(mostDigits) - 1n;
const largestInteger = BigInt(Number.MAX_SAFE_INTEGER);

const digit = (from: string, to: string) => (from === to ? text(from) : `[${from}-${to}]`);

/** Digit strings from `low` to `high`, which are equally long. */
function sameLength(low: string, high: string): string {
  if (low === high) return text(low);
  const rest = low.length - 1;
  if (rest === 0) return digit(low, high);
  if (/^0*$/.test(low) && /^9*$/.test(high)) return times('[0-9]', low.length, low.length);
  const [first = '', last = ''] = [low[0], high[0]];
  if (first === last) return `${text(first)} ${sameLength(low.slice(1), high.slice(1))}`;
  const forms: string[] = [];
  let [from, to] = [Number(first), Number(last)];
  if (!/^0*$/.test(low.slice(1))) {
    forms.push(`${text(first)} ${sameLength(low.slice(1), '9'.repeat(rest))}`);
    from++;
  }
  const atEnd = /^9*$/.test(high.slice(1));
  if (!atEnd) to--;
  if (from <= to) forms.push(`${digit(String(from), String(to))} ${times('[0-9]', rest, rest)}`);
  if (!atEnd) forms.push(`${text(last)} ${sameLength('0'.repeat(rest), high.slice(1))}`);
  return either(forms);
}

/** Whole numbers from `low` to `high`, neither negative. */
function whole(low: bigint, high: bigint): string[] {
  const forms: string[] = [];
  /** Lengths of which every number is in: one form says them all. */
  const full: number[] = [];
  for (let length = 1; length <= String(high).length; length++) {
    const least = length === 1 ? 0n : 10n ** BigInt(length - 1);
    const most = 10n ** BigInt(length) - 1n;
    const [from, to] = [low > least ? low : least, high < most ? high : most];
    if (from > to) continue;
    if (length > 1 && from === least && to === most) full.push(length);
    else forms.push(sameLength(String(from), String(to)));
  }
  if (full.length > 0) forms.push(`[1-9] ${times('[0-9]', Math.min(...full) - 1, Math.max(...full) - 1)}`);
  return forms;
}

/** With a point before the last `fraction` digits: the part before it is the same throughout. */
function pointed(low: bigint, high: bigint, fraction: number): string {
  const unit = 10n ** BigInt(fraction);
  const digits = (value: bigint) => String(value % unit).padStart(fraction, '0');
  return `${text(String(low / unit))} ${text('.')} ${sameLength(digits(low), digits(high))}`;
}

/** Multiples of 10^-fraction from `low` to `high`, neither negative, with all their digits after the point. */
function positive(low: bigint, high: bigint, fraction: number): string[] {
  if (low > high) return [];
  if (fraction === 0) return whole(low, high);
  const unit = 10n ** BigInt(fraction);
  let [from, to] = [low / unit, high / unit];
  if (from === to) return [pointed(low, high, fraction)];
  const forms: string[] = [];
  if (low % unit !== 0n) {
    forms.push(pointed(low, (from + 1n) * unit - 1n, fraction));
    from++;
  }
  if ((high + 1n) % unit !== 0n) {
    forms.push(pointed(to * unit, high, fraction));
    to--;
  }
  if (from <= to) forms.push(`${either(whole(from, to))} ${text('.')} ${times('[0-9]', fraction, fraction)}`);
  return forms;
}

function signed(low: bigint, high: bigint, fraction: number): string[] {
  const forms = high >= 0n ? positive(low > 0n ? low : 0n, high, fraction) : [];
  if (low < 0n) {
    // No minus before zero.
    const negative = positive(high < 0n ? -high : 1n, -low, fraction);
    if (negative.length > 0) forms.push(`${text('-')} ${either(negative)}`);
  }
  return forms;
}

/** A bound as a whole number and its decimals: value = whole / 10^decimals. */
function decimal(value: number): { readonly whole: bigint; readonly decimals: number } {
  const [, sign = '', integer = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(value)) ?? [];
  const whole = BigInt(sign + integer + fraction);
  const decimals = fraction.length - Number(exponent);
  return decimals >= 0 ? { whole, decimals } : { whole: whole * 10n ** BigInt(-decimals), decimals: 0 };
}

/** The bounds as whole multiples of 10^-fraction. */
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

/** Null when there is no such integer among those that a double has exactly. */
export function integerForm(bounds: Bounds): string | null {
  const bounded = Number.isFinite(bounds.least) && Number.isFinite(bounds.most);
  const [low, high] = multiples(bounds, 0, bounded ? largestInteger : largest);
  const forms = low > high ? [] : signed(low, high, 0);
  return forms.length === 0 ? null : either(forms);
}

/** Null when there is no such number with the digits that are written. */
export function numberForm(bounds: Bounds): string | null {
  const finite = [bounds.least, bounds.most].filter(Number.isFinite);
  if (finite.length === 0) {
    const integer = either([text('0'), `[1-9] ${times('[0-9]', 0, mostDigits - 1)}`]);
    return `"-"? ${integer} ("." ${times('[0-9]', 1, 10)})?`;
  }
  const own = Math.max(...finite.map((value) => decimal(value).decimals));
  const forms: string[] = [];
  for (let fraction = 0; fraction <= Math.min(mostDigits, Math.max(own, usualFraction)); fraction++) {
    const [low, high] = multiples(bounds, fraction, largest);
    if (low <= high) forms.push(...signed(low, high, fraction));
  }
  return forms.length === 0 ? null : either(forms);
}
