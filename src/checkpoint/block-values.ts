/**
 * From stored blocks to float32, value by value as ggml has them: every product and sum is rounded to float32, so that the
 * results are those of its reference implementation
 * (https://github.com/ggml-org/ggml/blob/master/src/ggml-quants.c, `dequantize_row_*`) to the bit.
 */
import { float16ToNumber } from '../common/float16.js';
import { blockTypes } from './block-types.js';
import type { TensorType } from './checkpoint.js';

const { fround } = Math;

/** Reads the block that begins at byte `at` and writes its values from `to` on. */
type BlockReader = (bytes: Uint8Array, at: number, out: Float32Array, to: number) => void;

let halves: Float32Array | undefined;

/** The value of every float16, by its bits: a table is several times faster than the sum. */
const halfTable = (): Float32Array => {
  halves ??= Float32Array.from({ length: 65_536 }, (_, bits) => float16ToNumber(bits));
  return halves;
};

const u8 = (bytes: Uint8Array, at: number): number => bytes[at] ?? 0;
const half = (bytes: Uint8Array, at: number): number =>
  halfTable()[u8(bytes, at) | (u8(bytes, at + 1) << 8)] ?? 0;
const signed = (byte: number): number => (byte << 24) >> 24;

/** A block of 32 with 4 bits each, the first 16 in the lower halves of its bytes, and perhaps a fifth bit in `qh`. */
function fives(
  bytes: Uint8Array,
  qs: number,
  qh: number | null,
  value: (q: number) => number,
  out: Float32Array,
  to: number,
): void {
  const high =
    qh === null
      ? 0
      : u8(bytes, qh) | (u8(bytes, qh + 1) << 8) | (u8(bytes, qh + 2) << 16) | (u8(bytes, qh + 3) << 24);
  for (let j = 0; j < 16; j++) {
    const byte = u8(bytes, qs + j);
    out[to + j] = value((byte & 15) | (((high >>> j) & 1) << 4));
    out[to + 16 + j] = value((byte >> 4) | (((high >>> (j + 16)) & 1) << 4));
  }
}

/** The 6-bit scale and minimum of sub-block `j` of Q4_K and Q5_K, whose 12 bytes of them begin at `at`. */
function scaleAndMinimum(bytes: Uint8Array, at: number, j: number): [number, number] {
  if (j < 4) return [u8(bytes, at + j) & 63, u8(bytes, at + j + 4) & 63];
  const low = u8(bytes, at + j + 4);
  return [(low & 15) | ((u8(bytes, at + j - 4) >> 6) << 4), (low >> 4) | ((u8(bytes, at + j) >> 6) << 4)];
}

/** Q4_K and Q5_K: eight sub-blocks of 32. `qh` is where the fifth bits lie, a byte for each place in a sub-block. */
function kBlock(
  bytes: Uint8Array,
  at: number,
  qh: number | null,
  qs: number,
  out: Float32Array,
  to: number,
): void {
  const [d, dmin] = [half(bytes, at), half(bytes, at + 2)];
  for (let j = 0; j < 8; j++) {
    const [scale, minimum] = scaleAndMinimum(bytes, at + 4, j);
    const [dl, ml] = [fround(d * scale), fround(dmin * minimum)];
    const shift = (j & 1) * 4;
    for (let l = 0; l < 32; l++) {
      const low = (u8(bytes, qs + (j >> 1) * 32 + l) >> shift) & 15;
      const q = qh === null ? low : low | (((u8(bytes, qh + l) >> j) & 1) << 4);
      out[to + j * 32 + l] = fround(dl * q) - ml;
    }
  }
}

/** The 16 levels of IQ4_NL and IQ4_XS. */
const levels = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113] as const;
const level = (q: number): number => levels[q] ?? 0;

const readers: Readonly<Record<Exclude<TensorType, 'F32' | 'F16' | 'BF16'>, BlockReader>> = {
  Q4_0(bytes, at, out, to) {
    const d = half(bytes, at);
    fives(bytes, at + 2, null, (q) => d * (q - 8), out, to);
  },
  Q4_1(bytes, at, out, to) {
    const [d, m] = [half(bytes, at), half(bytes, at + 2)];
    fives(bytes, at + 4, null, (q) => fround(d * q) + m, out, to);
  },
  Q5_0(bytes, at, out, to) {
    const d = half(bytes, at);
    fives(bytes, at + 6, at + 2, (q) => d * (q - 16), out, to);
  },
  Q5_1(bytes, at, out, to) {
    const [d, m] = [half(bytes, at), half(bytes, at + 2)];
    fives(bytes, at + 8, at + 4, (q) => fround(d * q) + m, out, to);
  },
  Q8_0(bytes, at, out, to) {
    const d = half(bytes, at);
    for (let j = 0; j < 32; j++) out[to + j] = d * signed(u8(bytes, at + 2 + j));
  },
  Q2_K(bytes, at, out, to) {
    const [d, dmin] = [half(bytes, at + 80), half(bytes, at + 82)];
    for (let j = 0; j < 16; j++) {
      const scale = u8(bytes, at + j);
      const [dl, ml] = [fround(d * (scale & 15)), fround(dmin * (scale >> 4))];
      const [qs, shift] = [at + 16 + (j >> 3) * 32 + (j & 1) * 16, ((j >> 1) & 3) * 2];
      for (let l = 0; l < 16; l++) {
        out[to + j * 16 + l] = fround(dl * ((u8(bytes, qs + l) >> shift) & 3)) - ml;
      }
    }
  },
  Q3_K(bytes, at, out, to) {
    const d = half(bytes, at + 108);
    for (let j = 0; j < 16; j++) {
      const low = (u8(bytes, at + 96 + (j & 7)) >> ((j >> 3) * 4)) & 15;
      const high = (u8(bytes, at + 104 + (j & 3)) >> ((j >> 2) * 2)) & 3;
      const dl = fround(d * ((low | (high << 4)) - 32));
      const [qs, shift] = [at + 32 + (j >> 3) * 32 + (j & 1) * 16, ((j >> 1) & 3) * 2];
      for (let l = 0; l < 16; l++) {
        // The mask has a bit where 4 is not to be taken off.
        const kept = (u8(bytes, at + (j & 1) * 16 + l) >> (j >> 1)) & 1;
        out[to + j * 16 + l] = dl * (((u8(bytes, qs + l) >> shift) & 3) - (kept === 1 ? 0 : 4));
      }
    }
  },
  Q4_K(bytes, at, out, to) {
    kBlock(bytes, at, null, at + 16, out, to);
  },
  Q5_K(bytes, at, out, to) {
    kBlock(bytes, at, at + 16, at + 48, out, to);
  },
  Q6_K(bytes, at, out, to) {
    const d = half(bytes, at + 208);
    for (let j = 0; j < 8; j++) {
      const [ql, qh] = [at + (j >> 2) * 64 + (j & 1) * 32, at + 128 + (j >> 2) * 32];
      const [lowShift, highShift] = [((j >> 1) & 1) * 4, (j & 3) * 2];
      for (let l = 0; l < 32; l++) {
        const scale = fround(d * signed(u8(bytes, at + 192 + j * 2 + (l >> 4))));
        const low = (u8(bytes, ql + l) >> lowShift) & 15;
        const high = (u8(bytes, qh + l) >> highShift) & 3;
        out[to + j * 32 + l] = scale * ((low | (high << 4)) - 32);
      }
    }
  },
  IQ4_NL(bytes, at, out, to) {
    const d = half(bytes, at);
    fives(bytes, at + 2, null, (q) => d * level(q), out, to);
  },
  IQ4_XS(bytes, at, out, to) {
    const d = half(bytes, at);
    const highs = u8(bytes, at + 2) | (u8(bytes, at + 3) << 8);
    for (let j = 0; j < 8; j++) {
      const low = (u8(bytes, at + 4 + (j >> 1)) >> ((j & 1) * 4)) & 15;
      const dl = fround(d * ((low | (((highs >> (2 * j)) & 3) << 4)) - 32));
      fives(bytes, at + 8 + j * 16, null, (q) => dl * level(q), out, to + j * 32);
    }
  },
};

/**
 * @param bytes whole blocks
 * @returns their values, one block after the other
 */
export function blockValues(type: TensorType, bytes: Uint8Array): Float32Array<ArrayBuffer> {
  const { values, bytes: size } = blockTypes[type];
  const count = Math.floor(bytes.length / size);
  if (type === 'F32') {
    // A copy, hence aligned. (A Buffer's own `slice` is a view.)
    return new Float32Array(new Uint8Array(bytes.subarray(0, count * size)).buffer);
  }
  const out = new Float32Array(count * values);
  if (type === 'F16') {
    for (let i = 0; i < count; i++) out[i] = half(bytes, i * 2);
  } else if (type === 'BF16') {
    // bfloat16 is the upper half of a float32.
    const bits = new Uint32Array(out.buffer);
    for (let i = 0; i < count; i++) bits[i] = (u8(bytes, 2 * i) << 16) | (u8(bytes, 2 * i + 1) << 24);
  } else {
    const read = readers[type];
    for (let i = 0; i < count; i++) read(bytes, i * size, out, i * values);
  }
  return out;
}

/** Whether every scale and minimum of the blocks is a number; plain floats are judged by their values. */
export function hasFiniteScales(type: TensorType, bytes: Uint8Array): boolean {
  const { bytes: size, halves: places } = blockTypes[type];
  for (let at = 0; at + size <= bytes.length; at += size) {
    // Exponent 31 is infinity or no number.
    for (const place of places) if ((u8(bytes, at + place + 1) & 0x7c) === 0x7c) return false;
  }
  return true;
}
