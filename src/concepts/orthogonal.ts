/**
 * Directions at one block: the span of some, and what is left of another without it. In double precision, whatever the
 * rows come in; rows need not be unit vectors.
 */

type Row = ArrayLike<number>;

/**
 * Below this share of its length what is left of a direction is rounding, not a direction: rows that were once float16
 * are exact to about half of it.
 */
const rounding = 1e-3;

export interface Remainder {
  /** A unit vector, at right angles to the span. */
  readonly direction: Float64Array;
  /** Its length as a share of the row's, from above 0 to 1: sqrt(1 - cos^2) of the angle between row and span. */
  readonly share: number;
}

/** An orthonormal basis of the rows' span, by modified Gram-Schmidt; zero rows and repeated directions add nothing. */
export function orthonormalBasis(rows: Iterable<Row>): Float64Array[] {
  const basis: Float64Array[] = [];
  for (const row of rows) {
    const left = withoutSpan(row, basis);
    if (left !== null) basis.push(left.direction);
  }
  return basis;
}

/** What is left of a row without the span of an orthonormal basis; null where nothing is. */
export function withoutSpan(row: Row, basis: readonly Float64Array[]): Remainder | null {
  const left = Float64Array.from(row);
  const whole = Math.sqrt(dot(left, left));
  if (whole === 0) return null;
  takeOut(left, basis);
  const length = Math.sqrt(dot(left, left));
  if (length <= rounding * whole) return null;
  return { direction: left.map((value) => value / length), share: Math.min(1, length / whole) };
}

/**
 * Takes the span of an orthonormal basis out of a row, in place.
 * @returns the row's coordinates on the basis: what was taken out along each direction
 */
export function takeOut(row: Float64Array, basis: readonly Float64Array[]): number[] {
  const coordinates = basis.map(() => 0);
  // The second pass takes out what the first one's rounding left in: "twice is enough" (Giraud et al. 2005).
  for (let pass = 0; pass < 2; pass++) {
    for (const [j, direction] of basis.entries()) {
      const along = dot(row, direction);
      coordinates[j] = (coordinates[j] ?? 0) + along;
      for (let i = 0; i < row.length; i++) row[i] = (row[i] ?? 0) - along * (direction[i] ?? 0);
    }
  }
  return coordinates;
}

export function dot(a: Row, b: Row): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
}
