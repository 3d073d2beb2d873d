/**
 * From weights in blocks to weights by column, and which channels of their activations are split. Pure arithmetic.
 *
 * Activations are quantised with one scale for each row, so a few channels that are far larger than the others would
 * leave these too few levels. A channel whose peak is beyond a threshold t is divided by f = peak / t, and comes
 * m = ceil(f) times in the sum, with weights that add up to f times its own. So no activation is above t, no weight grows,
 * and the products of large activations have finer weights than before, not coarser ones.
 */

/** Largest level of a weight: int8, symmetric. */
const largestLevel = 127;
/** The zero point of weights that have none of their own. */
const middle = 128;
/** Columns that are written together: their rows are then whole cache lines. */
const tile = 64;

export interface Split {
  /** Of each channel, what its activation is divided by; 1 for one that is not split. */
  readonly divisors: Float64Array;
  /** Of each channel, how often it comes in the sum. */
  readonly copies: Int32Array;
  /** The channels of the copies behind the first ones. */
  readonly repeated: readonly number[];
}

/**
 * The lowest threshold that takes at most `extra` copies, and the split by it.
 * @param peaks of each channel, the largest absolute activation that was seen
 */
export function splitChannels(peaks: Float32Array, extra: number): Split {
  const highest = peaks.reduce((most, peak) => Math.max(most, peak), 0);
  const needed = (threshold: number) =>
    peaks.reduce((sum, peak) => sum + Math.max(0, Math.ceil(peak / threshold) - 1), 0);
  let [low, high] = [0, highest];
  for (let i = 0; i < 40; i++) {
    const threshold = (low + high) / 2;
    if (needed(threshold) > extra) low = threshold;
    else high = threshold;
  }
  const divisors = Float64Array.from(peaks, (peak) => (high > 0 ? Math.max(1, peak / high) : 1));
  const copies = Int32Array.from(peaks, (peak) => (high > 0 ? Math.max(1, Math.ceil(peak / high)) : 1));
  const repeated = [...copies.entries()].flatMap(([channel, count]) =>
    new Array<number>(count - 1).fill(channel),
  );
  return { divisors, copies, repeated };
}

/** Weights in blocks along k, as MatMulNBits has them. */
export interface BlockWeights {
  readonly k: number;
  readonly n: number;
  readonly block: number;
  /** [n, blocks, block]. */
  readonly levels: Uint8Array;
  /** [n, blocks]. */
  readonly scales: Float32Array;
  /** [n, blocks]; null where all are 128. */
  readonly zeroPoints: Uint8Array | null;
}

/** Weights by column. */
export interface ByColumn {
  /** [k + repeated, n]. */
  readonly levels: Int8Array;
  /** [n]. */
  readonly scales: Float32Array;
}

/** Written for speed: a load does this for every weight of the model. */
export function weightsByColumn(weights: BlockWeights, { divisors, copies, repeated }: Split): ByColumn {
  const { k, n, block, levels: old, scales: oldScales, zeroPoints } = weights;
  const blocks = Math.ceil(k / block);
  const channels = k + repeated.length;
  const levels = new Int8Array(channels * n);
  const scales = new Float32Array(n);
  const split = [...copies.entries()].filter(([, count]) => count > 1).map(([channel]) => channel);
  const rows = new Int8Array(channels * tile);
  for (let first = 0; first < n; first += tile) {
    const width = Math.min(tile, n - first);
    for (let i = 0; i < width; i++) {
      const column = first + i;
      const scale = Math.fround(largestOf(weights, column) / largestLevel) || 1;
      scales[column] = scale;
      for (let part = 0; part < blocks; part++) {
        const at = column * blocks + part;
        const ratio = (oldScales[at] as number) / scale;
        const zero = zeroPoints ? (zeroPoints[at] as number) : middle;
        const end = Math.min(k, (part + 1) * block);
        let to = part * block * tile + i;
        // To the nearest level: `| 0` cuts the fraction off a positive number.
        for (let channel = part * block, from = at * block; channel < end; channel++, from++, to += tile)
          rows[to] = ((((old[from] as number) - zero) * ratio + 128.5) | 0) - 128;
      }
      let extra = k;
      for (const channel of split) {
        const count = copies[channel] as number;
        const total = Math.round(
          (weightAt(weights, channel, column) * (divisors[channel] as number)) / scale,
        );
        // The copies add up to the rounded total, so that a split weight is as fine as its divisor is large.
        const least = Math.floor(total / count);
        const above = total - least * count;
        rows[channel * tile + i] = least + (above > 0 ? 1 : 0);
        for (let copy = 1; copy < count; copy++) rows[extra++ * tile + i] = least + (above > copy ? 1 : 0);
      }
    }
    for (let row = 0; row < channels; row++)
      levels.set(rows.subarray(row * tile, row * tile + width), row * n + first);
  }
  return { levels, scales };
}

/** The largest absolute weight of a column. No copy of a channel has a larger one. */
function largestOf({ k, block, levels, scales, zeroPoints }: BlockWeights, column: number): number {
  const blocks = Math.ceil(k / block);
  let largest = 0;
  for (let part = 0; part < blocks; part++) {
    const at = column * blocks + part;
    let lowest = 255;
    let highest = 0;
    for (let from = at * block; from < at * block + Math.min(block, k - part * block); from++) {
      const level = levels[from] as number;
      if (level < lowest) lowest = level;
      if (level > highest) highest = level;
    }
    const zero = zeroPoints ? (zeroPoints[at] as number) : middle;
    largest = Math.max(largest, Math.max(zero - lowest, highest - zero) * Math.abs(scales[at] as number));
  }
  return largest;
}

function weightAt(
  { k, block, levels, scales, zeroPoints }: BlockWeights,
  channel: number,
  column: number,
): number {
  const blocks = Math.ceil(k / block);
  const at = column * blocks + Math.floor(channel / block);
  const zero = zeroPoints ? (zeroPoints[at] as number) : middle;
  return ((levels[at * block + (channel % block)] as number) - zero) * (scales[at] as number);
}
