/**
 * From weights in blocks to weights by column, and which channels of their activations are split. Pure arithmetic.
 *
 * Activations are quantised with one scale for each row, so a few channels that are far larger than the others would
 * leave these too few levels. A channel whose peak is beyond a threshold t is divided by f = peak / t, and comes
 * m = ceil(f) times in the sum, with weights that add up to f times its own. So no activation is above t, no weight grows,
 * and the products of large activations have finer weights than before, not coarser ones.
 */

/** The zero point of weights that have none of their own. */
const middle = 128;
/** Columns that are written together: their rows are then whole cache lines. */
const tile = 64;
/** Columns whose levels of a channel are computed together: a 32-bit number has so many. */
const atOnce = 4;

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

/**
 * Written for speed: a load does this for every weight of the model. Four columns at a time, whose levels of a channel
 * are one 32-bit number.
 * @param largestLevel of a weight
 */
export function weightsByColumn(weights: BlockWeights, split: Split, largestLevel: number): ByColumn {
  const { k, n } = weights;
  const channels = k + split.repeated.length;
  const levels = new Int8Array(channels * n);
  const scales = new Float32Array(n);
  const parts = splitParts(weights, split);
  const words = new Int32Array((channels * tile) / atOnce);
  const rows = new Int8Array(words.buffer);
  for (let first = 0; first < n; first += tile) {
    const width = Math.min(tile, n - first);
    for (let i = 0; i < width; i++)
      scales[first + i] = Math.fround(largestOf(weights, first + i) / largestLevel) || 1;
    for (let i = 0; i < width; i += atOnce) writePlain(weights, scales, first + i, words, i / atOnce);
    for (const part of parts) writeSplit(weights, scales, part, first, width, rows);
    place(words, levels, n, first, width);
  }
  return { levels, scales };
}

/** The levels of all channels in their first places, of `atOnce` columns from `column` on (or as many as there are). */
function writePlain(
  { k, n, block, levels, scales: oldScales, zeroPoints }: BlockWeights,
  scales: Float32Array,
  column: number,
  words: Int32Array,
  word: number,
): void {
  const blocks = Math.ceil(k / block);
  // Behind the last column that one again: the tile is not read there.
  const a = column;
  const b = Math.min(column + 1, n - 1);
  const c = Math.min(column + 2, n - 1);
  const d = Math.min(column + 3, n - 1);
  const step = tile / atOnce;
  let to = word;
  for (let part = 0; part < blocks; part++) {
    const [atA, atB, atC, atD] = [a * blocks + part, b * blocks + part, c * blocks + part, d * blocks + part];
    const ratioA = (oldScales[atA] as number) / (scales[a] as number);
    const ratioB = (oldScales[atB] as number) / (scales[b] as number);
    const ratioC = (oldScales[atC] as number) / (scales[c] as number);
    const ratioD = (oldScales[atD] as number) / (scales[d] as number);
    const zeroA = zeroPoints ? (zeroPoints[atA] as number) : middle;
    const zeroB = zeroPoints ? (zeroPoints[atB] as number) : middle;
    const zeroC = zeroPoints ? (zeroPoints[atC] as number) : middle;
    const zeroD = zeroPoints ? (zeroPoints[atD] as number) : middle;
    const [fromA, fromB, fromC, fromD] = [atA * block, atB * block, atC * block, atD * block];
    const count = Math.min(block, k - part * block);
    for (let i = 0; i < count; i++, to += step) {
      // To the nearest level, and up by 128: `| 0` cuts the fraction off a positive number.
      const levelA = (((levels[fromA + i] as number) - zeroA) * ratioA + 128.5) | 0;
      const levelB = (((levels[fromB + i] as number) - zeroB) * ratioB + 128.5) | 0;
      const levelC = (((levels[fromC + i] as number) - zeroC) * ratioC + 128.5) | 0;
      const levelD = (((levels[fromD + i] as number) - zeroD) * ratioD + 128.5) | 0;
      const packed = (levelA & 255) | ((levelB & 255) << 8) | ((levelC & 255) << 16) | ((levelD & 255) << 24);
      // Down by 128 again, all four: their highest bits turn.
      words[to] = packed ^ 0x8080_8080;
    }
  }
}

/** A split channel, and where its levels go. */
interface SplitPart {
  readonly channel: number;
  readonly divisor: number;
  readonly count: number;
  /** Where its first copy lies behind the channels; the others follow. */
  readonly extra: number;
}

function splitParts({ k }: BlockWeights, { divisors, copies }: Split): SplitPart[] {
  let extra = k;
  return [...copies.entries()]
    .filter(([, count]) => count > 1)
    .map(([channel, count]) => {
      const part = { channel, divisor: divisors[channel] as number, count, extra };
      extra += count - 1;
      return part;
    });
}

/** The levels of a split channel of a tile's columns, over those that it has in its first place, and its copies'. */
function writeSplit(
  { k, block, levels, scales: oldScales, zeroPoints }: BlockWeights,
  scales: Float32Array,
  { channel, divisor, count, extra }: SplitPart,
  first: number,
  width: number,
  rows: Int8Array,
): void {
  const blocks = Math.ceil(k / block);
  const part = Math.floor(channel / block);
  const within = channel % block;
  for (let i = 0; i < width; i++) {
    const at = (first + i) * blocks + part;
    const zero = zeroPoints ? (zeroPoints[at] as number) : middle;
    const weight = ((levels[at * block + within] as number) - zero) * (oldScales[at] as number);
    const total = Math.round((weight * divisor) / (scales[first + i] as number)) | 0;
    // The copies add up to the rounded total, so that a split weight is as fine as its divisor is large.
    if (count === 2) {
      rows[channel * tile + i] = (total + 1) >> 1;
      rows[extra * tile + i] = total >> 1;
      continue;
    }
    const least = Math.floor(total / count) | 0;
    const above = (total - least * count) | 0;
    rows[channel * tile + i] = least + (above > 0 ? 1 : 0);
    for (let copy = 1, to = extra * tile + i; copy < count; copy++, to += tile)
      rows[to] = least + (above > copy ? 1 : 0);
  }
}

/** Puts a tile of rows into its columns of all rows. */
function place(words: Int32Array, levels: Int8Array, n: number, first: number, width: number): void {
  const channels = levels.length / n;
  if (n % atOnce !== 0) {
    const rows = new Int8Array(words.buffer);
    for (let row = 0; row < channels; row++)
      levels.set(rows.subarray(row * tile, row * tile + width), row * n + first);
    return;
  }
  const into = new Int32Array(levels.buffer);
  const [step, count] = [n / atOnce, width / atOnce];
  for (let row = 0, to = first / atOnce, from = 0; row < channels; row++, to += step, from += tile / atOnce)
    for (let i = 0; i < count; i++) into[to + i] = words[from + i] as number;
}

/** The largest absolute weight of a column. No copy of a channel has a larger one. */
function largestOf({ k, block, levels, scales, zeroPoints }: BlockWeights, column: number): number {
  const blocks = Math.ceil(k / block);
  const first = column * blocks;
  let coarsest = 0;
  for (let part = 1; part < blocks; part++)
    if (Math.abs(scales[first + part] as number) > Math.abs(scales[first + coarsest] as number))
      coarsest = part;
  let largest = 0;
  for (let i = 0; i < blocks; i++) {
    // The coarsest block first: most others cannot hold a larger weight then, and are not read.
    const part = i === 0 ? coarsest : i <= coarsest ? i - 1 : i;
    const at = first + part;
    const scale = Math.abs(scales[at] as number);
    const zero = zeroPoints ? (zeroPoints[at] as number) : middle;
    if (Math.max(zero, 255 - zero) * scale <= largest) continue;
    let lowest = 255;
    let highest = 0;
    const end = at * block + Math.min(block, k - part * block);
    for (let from = at * block; from < end; from++) {
      const level = levels[from] as number;
      if (level < lowest) lowest = level;
      if (level > highest) highest = level;
    }
    largest = Math.max(largest, Math.max(zero - lowest, highest - zero) * scale);
  }
  return largest;
}
