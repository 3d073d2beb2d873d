/**
 * Which coefficients are tried: a few far apart first, then some between the strongest fluent one and the weakest that
 * is not. Where the largest or smallest tried is the best, the search goes on beyond it: other models and methods may
 * take other coefficients.
 */
import type { CurvePoint, Share } from './calibration-curve.js';

/** Small models' strengths lie among these, whatever the concept and the method. */
export const firstShares: readonly Share[] = [0.006, 0.012, 0.024];

/** Factors from the last share tried to the next ones beyond it. */
const beyond = [1.4, 2] as const;
/** A few questions cannot tell coefficients apart that differ by a smaller factor. */
const finestStep = 1.3;

/**
 * The shares to measure next, positive; none when the best is found.
 * @param points of one sign, by their size.
 */
export function nextShares(points: readonly Pick<CurvePoint, 'share' | 'fluent'>[]): Share[] {
  const sizes = (fluent: boolean) =>
    points.filter((point) => point.fluent === fluent).map(({ share }) => Math.abs(share));
  const best = Math.max(0, ...sizes(true));
  const above = Math.min(Number.POSITIVE_INFINITY, ...sizes(false).filter((share) => share > best));
  if (above === Number.POSITIVE_INFINITY) return beyond.map((factor) => rounded(best * factor));
  if (best === 0) return beyond.map((factor) => rounded(above / factor)).reverse();
  const step = (above / best) ** (1 / 3);
  return step < finestStep ** (2 / 3) ? [] : [rounded(best * step), rounded(best * step * step)];
}

/** To two significant digits, for people to read. */
const rounded = (share: Share): Share => Number(share.toPrecision(2));
