/**
 * Which coefficients are tried. The usual grid holds the strengths of small models; where its edge is the best,
 * the grid moves by its own width, for other models and methods may take other coefficients.
 */
import type { Share } from './calibration-curve.js';

/** Steps of about a third: finer ones differ by less than a handful of questions can tell. */
export const usualShares: readonly Share[] = [0.004, 0.006, 0.008, 0.011, 0.015, 0.02];

export const firstGrid: Grid = { shares: usualShares, moved: null };

export interface Grid {
  /** Positive, ascending. */
  readonly shares: readonly Share[];
  /** Where it has been moved so far: to stronger coefficients, to weaker ones, or not at all. */
  readonly moved: 'up' | 'down' | null;
}

/**
 * The grid to measure next, or null when the best is found.
 * @param strongest of all fluent points measured; null when none is.
 */
export function nextGrid({ shares, moved }: Grid, strongest: Share | null): Grid | null {
  const up = strongest === Math.max(...shares) && moved !== 'down';
  const down = strongest === null && moved !== 'up';
  if (!up && !down) return null;
  const factor = up ? width(shares) : 1 / width(shares);
  return { shares: shares.map((share) => share * factor), moved: up ? 'up' : 'down' };
}

/** Factor from the first of a grid to the first of the next: all its steps and one more like them. */
function width(shares: readonly Share[]): number {
  const steps = shares.length - 1;
  if (steps === 0) return 2;
  return (Math.max(...shares) / Math.min(...shares)) ** ((steps + 1) / steps);
}
