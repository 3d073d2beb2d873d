/**
 * Rounds rows of weights to blocks of 32, in the form of MatMulNBits (onnxruntime, ContribOperators.md): a weight is
 * `scale * (q - zero point)`. In 8 bits the zero point is 128; in 4 bits each block has its own.
 */
import { float16ToNumber } from '../common/float16.js';

/** Weights that share a scale; as in GGUF's Q8_0 and Q4_0. */
export const blockSize = 32;

/** Rows of blocks: `count * blocks` scales, and for 4 bits as many zero points, one a byte. */
export interface QuantizedRows {
  readonly values: Uint8Array;
  readonly scales: Float32Array;
  readonly zeroPoints: Uint8Array;
}

/** Rounds to the nearest of 255 values between plus and minus the largest of a block. */
export function toEightBits(weights: Float32Array, blocks: number): QuantizedRows {
  const values = new Uint8Array(blocks * blockSize);
  const scales = new Float32Array(blocks);
  for (let block = 0; block < blocks; block++) {
    const from = block * blockSize;
    let largest = 0;
    for (let i = from; i < from + blockSize; i++) {
      const size = Math.abs(weights[i] as number);
      if (size > largest) largest = size;
    }
    const scale = Math.fround(largest / 127);
    scales[block] = scale;
    const inverse = scale > 0 ? 1 / scale : 0;
    for (let i = from; i < from + blockSize; i++) {
      // Positive, so that cutting off is rounding down.
      const rounded = ((weights[i] as number) * inverse + 128.5) | 0;
      values[i] = Math.min(rounded, 255);
    }
  }
  return { values, scales, zeroPoints: new Uint8Array(0) };
}

/** Ranges that are tried for a block, as shares of the distance from its least to its largest weight. */
const ranges = [1, 0.97, 0.94, 0.91, 0.88, 0.85, 0.82, 0.78, 0.74, 0.7];
const largestCode = 15;

/**
 * Of several ranges, takes the one with the least squared error, large weights counting for more: products with them are
 * where an error shows. Within a range the scale is the best for the codes that it gave (least squares).
 */
export function toFourBits(weights: Float32Array, blocks: number): QuantizedRows {
  const values = new Uint8Array((blocks * blockSize) / 2);
  const scales = new Float32Array(blocks);
  const zeroPoints = new Uint8Array(blocks);
  const codes = new Uint8Array(blockSize);
  const best = new Uint8Array(blockSize);
  const importance = new Float64Array(blockSize);
  for (let block = 0; block < blocks; block++) {
    const from = block * blockSize;
    let least = 0;
    let most = 0;
    let squares = 0;
    for (let i = from; i < from + blockSize; i++) {
      const weight = weights[i] as number;
      squares += weight * weight;
      if (weight < least) least = weight;
      if (weight > most) most = weight;
    }
    const typical = Math.sqrt(squares / blockSize);
    for (let i = 0; i < blockSize; i++) importance[i] = typical + Math.abs(weights[from + i] as number);
    let leastError = Number.POSITIVE_INFINITY;
    for (const share of most > least ? ranges : []) {
      const step = ((most - least) * share) / largestCode;
      const zero = Math.min(largestCode, Math.max(0, Math.round((-least * share) / step)));
      const inverse = 1 / step;
      let products = 0;
      let codeSquares = 0;
      let total = 0;
      for (let i = 0; i < blockSize; i++) {
        const weight = weights[from + i] as number;
        const place = weight * inverse + zero + 0.5;
        const code = place < 0 ? 0 : place > largestCode ? largestCode : place | 0;
        codes[i] = code;
        const counted = importance[i] as number;
        products += counted * weight * (code - zero);
        codeSquares += counted * (code - zero) * (code - zero);
        total += counted * weight * weight;
      }
      if (codeSquares === 0) continue;
      const error = total - (products * products) / codeSquares;
      if (error >= leastError) continue;
      leastError = error;
      scales[block] = products / codeSquares;
      zeroPoints[block] = zero;
      best.set(codes);
    }
    if (leastError === Number.POSITIVE_INFINITY) best.fill(0);
    pack(best, values, from / 2);
  }
  return { values, scales, zeroPoints };
}

/** Two codes a byte, the first in the lower bits. */
function pack(codes: Uint8Array, into: Uint8Array, at: number): void {
  for (let i = 0; i < codes.length; i += 2)
    into[at + i / 2] = (codes[i] as number) | ((codes[i + 1] as number) << 4);
}

const scaleBytes = 2;
const scaleAt = (raw: Uint8Array, at: number) =>
  float16ToNumber((raw[at] as number) | ((raw[at + 1] as number) << 8));

/** GGUF's Q8_0: a half-precision scale, and 32 signed bytes. Nothing is rounded. */
export function fromQ8(raw: Uint8Array, blocks: number): QuantizedRows {
  const values = new Uint8Array(blocks * blockSize);
  const scales = new Float32Array(blocks);
  for (let block = 0; block < blocks; block++) {
    const at = block * (scaleBytes + blockSize);
    scales[block] = scaleAt(raw, at);
    for (let i = 0; i < blockSize; i++)
      values[block * blockSize + i] = (raw[at + scaleBytes + i] as number) ^ 0x80;
  }
  return { values, scales, zeroPoints: new Uint8Array(0) };
}

const middleOfFour = 8;

/** The 32 codes of GGUF's Q4_0: the lower bits of its 16 bytes, then the upper ones. */
function eachQ4(
  raw: Uint8Array,
  blocks: number,
  codesOf: (block: number, scale: number, codes: Uint8Array) => void,
) {
  const codes = new Uint8Array(blockSize);
  const half = blockSize / 2;
  for (let block = 0; block < blocks; block++) {
    const at = block * (scaleBytes + half);
    for (let i = 0; i < half; i++) {
      const byte = raw[at + scaleBytes + i] as number;
      codes[i] = byte & 15;
      codes[i + half] = byte >> 4;
    }
    codesOf(block, scaleAt(raw, at), codes);
  }
}

/** GGUF's Q4_0, in 4 bits. Nothing is rounded. */
export function fromQ4(raw: Uint8Array, blocks: number): QuantizedRows {
  const values = new Uint8Array((blocks * blockSize) / 2);
  const scales = new Float32Array(blocks);
  eachQ4(raw, blocks, (block, scale, codes) => {
    scales[block] = scale;
    pack(codes, values, (block * blockSize) / 2);
  });
  return { values, scales, zeroPoints: new Uint8Array(blocks).fill(middleOfFour) };
}

/** GGUF's Q4_0, in 8 bits: the same codes around another middle. Nothing is rounded. */
export function fromQ4ToEightBits(raw: Uint8Array, blocks: number): QuantizedRows {
  const values = new Uint8Array(blocks * blockSize);
  const scales = new Float32Array(blocks);
  eachQ4(raw, blocks, (block, scale, codes) => {
    scales[block] = scale;
    for (let i = 0; i < blockSize; i++)
      values[block * blockSize + i] = (codes[i] as number) - middleOfFour + 128;
  });
  return { values, scales, zeroPoints: new Uint8Array(0) };
}
