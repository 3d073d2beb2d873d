/** Sums over vectors, always in float64. */

type Vector = Float32Array | Float64Array;

/** Inner product of two vectors of equal length. Four running sums keep the adder busy. */
export function dot(a: Vector, b: Vector): number {
  const { length } = a;
  const whole = length - (length % 4);
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  for (let i = 0; i < whole; i += 4) {
    s0 += (a[i] as number) * (b[i] as number);
    s1 += (a[i + 1] as number) * (b[i + 1] as number);
    s2 += (a[i + 2] as number) * (b[i + 2] as number);
    s3 += (a[i + 3] as number) * (b[i + 3] as number);
  }
  for (let i = whole; i < length; i++) s0 += (a[i] as number) * (b[i] as number);
  return s0 + s1 + (s2 + s3);
}

/** L2 norm. */
export function norm(vector: Vector): number {
  return Math.sqrt(dot(vector, vector));
}

function mean(vector: Vector): number {
  let sum = 0;
  for (const x of vector) sum += x;
  return sum / vector.length;
}

/** target += factor * vector */
export function addScaled(target: Float64Array, vector: Vector, factor: number): void {
  for (let i = 0; i < target.length; i++) target[i] = (target[i] as number) + factor * (vector[i] as number);
}

/** vector *= factor */
export function scale(vector: Float64Array, factor: number): void {
  for (let i = 0; i < vector.length; i++) vector[i] = (vector[i] as number) * factor;
}

/** Pearson's r; NaN when either is constant. */
export function pearson(x: Vector, y: Vector): number {
  const meanX = mean(x);
  const meanY = mean(y);
  let xy = 0;
  let xx = 0;
  let yy = 0;
  for (let i = 0; i < x.length; i++) {
    const dx = (x[i] as number) - meanX;
    const dy = (y[i] as number) - meanY;
    xy += dx * dy;
    xx += dx * dx;
    yy += dy * dy;
  }
  return xy / Math.sqrt(xx * yy);
}
