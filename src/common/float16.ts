/** Half-precision floats, which Node 20 has no typed array for. */

/** The value of an IEEE 754 binary16's bits: 1 sign, 5 exponent (bias 15) and 10 fraction bits. */
export function float16ToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const single = new Float32Array(1);
const singleBits = new Uint32Array(single.buffer);

/** The bits of the IEEE 754 binary16 nearest to a number, ties to even; infinite beyond 65,504. */
export function numberToFloat16(value: number): number {
  single[0] = value;
  const bits = singleBits[0] as number;
  const sign = (bits >>> 16) & 0x8000;
  const size = Math.abs(single[0] as number);
  if (Number.isNaN(size)) return sign | 0x7e00;
  if (size >= 65_520) return sign | 0x7c00;
  // Below the normal numbers the step is fixed.
  if (size < 2 ** -14) return sign | nearestEven(size * 2 ** 24);
  const exponent = ((bits >>> 23) & 0xff) - 127;
  const fraction = nearestEven((size * 2 ** -exponent - 1) * 1024);
  return sign | (((exponent + 15) << 10) + fraction);
}

function nearestEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
}
