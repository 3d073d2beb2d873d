/**
 * Smooth curves through a few noisy points: sigmoids in the logarithm of a share, y = top / (1 + (middle / x)^slope).
 * A positive slope rises (evidence), a negative one falls (fluency). Pure arithmetic, least squares over a grid: the same
 * points give the same curve, and no start value can lead it astray.
 */

export interface CurvePoint {
  /** Positive. */
  readonly x: number;
  readonly y: number;
  /** How much it counts: the number of answers behind it. */
  readonly weight: number;
}

export interface Sigmoid {
  readonly top: number;
  readonly middle: number;
  readonly slope: number;
}

interface Grid {
  /** Slopes tried; the sign says whether the curve rises. */
  readonly slopes: readonly number[];
  /** The top is fixed to this, or fitted when left out, within `mostTop`. */
  readonly top?: number;
}

/** From a curve that takes a decade to rise to one that jumps: a language or a format is there or not. */
const rising: Grid = { slopes: [1, 1.5, 2, 3, 4, 6, 9, 14] };
/** Nothing is lost at 0. */
const falling: Grid = { slopes: [-1, -1.5, -2, -3, -4, -6, -9, -14], top: 1 };
/** Evidence may exceed what telling shows, and is cut there only when it is scored. */
const mostTop = 1.5;
const middles = 61;
/** The middles tried: from a third of the smallest x to three times the largest. */
const margin = 3;

export const risingCurve = (points: readonly CurvePoint[]): Sigmoid => fit(points, rising);
export const fallingCurve = (points: readonly CurvePoint[]): Sigmoid => fit(points, falling);

/** y at x; 0 and `top` are the limits. */
export function at({ top, middle, slope }: Sigmoid, x: number): number {
  if (x === 0) return slope > 0 ? 0 : top;
  return top / (1 + (middle / x) ** slope);
}

function fit(points: readonly CurvePoint[], { slopes, top: fixed }: Grid): Sigmoid {
  const xs = points.map(({ x }) => x);
  const from = Math.log(Math.min(...xs) / margin);
  const to = Math.log(Math.max(...xs) * margin);
  let best: Sigmoid = { top: fixed ?? 0, middle: Math.exp(to), slope: slopes[0] ?? 1 };
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < middles; i++) {
    const middle = Math.exp(from + ((to - from) * i) / (middles - 1));
    for (const slope of slopes) {
      const top = fixed ?? bestTop(points, middle, slope);
      const curve = { top, middle, slope };
      const error = points.reduce((sum, { x, y, weight }) => sum + weight * (y - at(curve, x)) ** 2, 0);
      if (error >= least) continue;
      least = error;
      best = curve;
    }
  }
  return best;
}

/** Least squares in closed form: y is linear in the top. */
function bestTop(points: readonly CurvePoint[], middle: number, slope: number): number {
  let dot = 0;
  let square = 0;
  for (const { x, y, weight } of points) {
    const shape = at({ top: 1, middle, slope }, x);
    dot += weight * shape * y;
    square += weight * shape * shape;
  }
  return square === 0 ? 0 : Math.min(mostTop, Math.max(0, dot / square));
}
