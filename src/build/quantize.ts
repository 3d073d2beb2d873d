/**
 * Rounds rows of weights to blocks of 32, in the form of MatMulNBits (onnxruntime, ContribOperators.md): a weight is
 * `scale * (q - zero point)`. In 8 bits the zero point is 128; in 4 bits each block has its own.
 */
import { float16ToNumber } from '../common/float16.js';

/** Weights that share a scale; as in GGUF's Q8_0 and Q4_0. */
export const blockSize = 32;

/** Blocks of a row; the last may be filled up. */
export const blocksOf = (columns: number): number => Math.ceil(columns / blockSize);

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

/** Grids that are tried for a block first, as shares of the distance from its least to its largest weight. */
const ranges = [1, 0.93, 0.86, 0.79, 0.72] as const;
const largestCode = 15;
/** Adding it and taking it off again rounds a double of moderate size to a whole number: its last bit stands for 1. */
const rounding = 1.5 * 2 ** 52;

/** One block's weights, and the best grid for them so far. In doubles throughout: conversions would be half the work. */
class BlockFit {
  readonly weights = new Float64Array(blockSize);
  /** Steps of a weight are `round(weight * inverse)`, between `-zero` and `15 - zero`. */
  inverse = 0;
  zero = 0;
  /** The best for these steps (least squares): the sum of weights times steps by that of steps squared. */
  scale = 0;
  /** What is taken off the sum of squares by it. */
  #gain = 0;

  clear(): void {
    this.inverse = 0;
    this.zero = 0;
    this.scale = 0;
    this.#gain = 0;
  }

  try(inverse: number, zero: number): void {
    const { weights } = this;
    const [least, most] = [-zero, largestCode - zero];
    let products = 0;
    let squares = 0;
    for (let i = 0; i < blockSize; i++) {
      const weight = weights[i] as number;
      const near = weight * inverse + rounding - rounding;
      // (In this form, for it takes half as long as Math.min and Math.max.)
      let steps = near;
      if (steps < least) steps = least;
      else if (steps > most) steps = most;
      products += weight * steps;
      squares += steps * steps;
    }
    if (!(products * products > this.#gain * squares)) return;
    this.#gain = (products * products) / squares;
    this.inverse = inverse;
    this.zero = zero;
    this.scale = products / squares;
  }
}

/**
 * Of several grids for a block the one with the least squared error. The best of some ranges is tried once more with the
 * scale that was best for its codes, and with its neighbours as zero points: that they are whole numbers costs most.
 */
export function toFourBits(weights: Float32Array, blocks: number): QuantizedRows {
  const values = new Uint8Array((blocks * blockSize) / 2);
  const scales = new Float32Array(blocks);
  const zeroPoints = new Uint8Array(blocks);
  const fit = new BlockFit();
  const codes = new Uint8Array(blockSize);
  for (let block = 0; block < blocks; block++) {
    const from = block * blockSize;
    let least = 0;
    let most = 0;
    for (let i = 0; i < blockSize; i++) {
      const weight = weights[from + i] as number;
      fit.weights[i] = weight;
      if (weight < least) least = weight;
      if (weight > most) most = weight;
    }
    fit.clear();
    // Of weights that are nearly zero a grid's inverse would be none.
    const whole = largestCode / (most - least);
    if (Number.isFinite(whole)) {
      const middle = Math.round(-least * whole);
      for (let i = 0; i < ranges.length; i++) fit.try(whole / (ranges[i] as number), middle);
      fit.try(1 / fit.scale, middle);
      const { inverse } = fit;
      if (middle > 0) fit.try(inverse, middle - 1);
      if (middle < largestCode) fit.try(inverse, middle + 1);
    }
    const { inverse, zero } = fit;
    scales[block] = fit.scale;
    zeroPoints[block] = zero;
    for (let i = 0; i < blockSize; i++) {
      const code = (fit.weights[i] as number) * inverse + rounding - rounding + zero;
      codes[i] = Math.min(Math.max(code, 0), largestCode);
    }
    pack(codes, values, from / 2);
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
