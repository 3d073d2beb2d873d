/** What recipes share: capturing the activations of many texts, means over tokens, and the order of examples. */

import { commonLength } from '../../common/common-length.js';
import { mapConcurrent } from '../../common/map-concurrent.js';
import { periodicYield } from '../../common/yielding.js';
import type { Capture } from '../../engine/protocol.js';
import type { RecipeContext } from './recipe.js';

/** Those of one run and as many queued, so that the engine's worker never waits: it reads some eight at once. */
const mostInFlight = 16;
/** One being computed and one queued. */
const fewestInFlight = 2;
/** What those in flight may read at most, in bytes, where it is not less than `fewestInFlight`. */
const mostBytes = 64 * 1024 ** 2;

/** A text to capture; as the engine's `CaptureRequest`. */
export interface Reading {
  readonly tokens: readonly number[];
  /** [P] positions whose block outputs are read. */
  readonly positions: readonly number[];
  /** Tokens [start, end) whose attention from those positions is read; empty for none. */
  readonly span: readonly [start: number, end: number];
  /** How many tokens the text shares with the others from the start. */
  readonly shared?: number;
}

/**
 * Captures every text and gives each to `take`, in the order they end in.
 * @throws the signal's reason when aborted; nothing is left running.
 */
export async function readAll(
  readings: readonly Reading[],
  { model, signal }: RecipeContext,
  take: (capture: Capture, index: number) => void,
): Promise<void> {
  const yieldIfDue = periodicYield(signal);
  const { layers, hiddenSize } = model.engine.shape;
  const positions = readings.reduce((most, reading) => Math.max(most, reading.positions.length), 1);
  const bytes = 4 * layers * hiddenSize * positions;
  const inFlight = Math.max(fewestInFlight, Math.min(mostInFlight, Math.floor(mostBytes / bytes)));
  await mapConcurrent(readings, inFlight, signal, async (reading, index, either) => {
    take(await model.engine.capture(reading, either), index);
    await yieldIfDue();
  });
}

/** How many tokens all texts have in common from the start, before the first position read of any. */
export function sharedTokens(readings: readonly Reading[]): number {
  const [first] = readings;
  if (first === undefined || readings.length < 2) return 0;
  return readings.reduce(
    (least, { tokens, positions }) => Math.min(least, commonLength(tokens, first.tokens), ...positions),
    first.tokens.length,
  );
}

/**
 * Writes the mean of one layer's block outputs into `row` [H] and returns the sum of their L2 norms.
 * @param count positions that the capture has
 * @param kept those of them that the mean is over
 */
export function meanOverTokens(
  capture: Capture,
  layer: number,
  count: number,
  kept: readonly number[],
  row: Float32Array,
): number {
  const width = row.length;
  const sums = new Float64Array(width);
  let norms = 0;
  for (const t of kept) {
    const start = (layer * count + t) * width;
    let squares = 0;
    for (let h = 0; h < width; h++) {
      const x = capture.hiddenStates[start + h] as number;
      sums[h] = (sums[h] as number) + x;
      squares += x * x;
    }
    norms += Math.sqrt(squares);
  }
  for (let h = 0; h < width; h++) row[h] = (sums[h] as number) / kept.length;
  return norms;
}

/** Labels scaled to [0, 1]; null where all are equal. */
export function minMax(labels: Float64Array): Float32Array | null {
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  for (const label of labels) {
    least = Math.min(least, label);
    most = Math.max(most, label);
  }
  if (!(most > least)) return null;
  return Float32Array.from(labels, (label) => (label - least) / (most - least));
}

/**
 * One order of rows in which both sides are spread evenly: positive, negative, positive, negative, ... for sides of
 * the same size. So the last fifth, which validates, has its share of each.
 * @returns the row of every positive and of every negative.
 */
export function interleaved(
  positives: number,
  negatives: number,
): { positive: number[]; negative: number[] } {
  const order = [
    ...Array.from({ length: positives }, (_, i) => ({ positive: true, at: (i + 0.5) / positives })),
    ...Array.from({ length: negatives }, (_, i) => ({ positive: false, at: (i + 0.5) / negatives })),
  ].sort((a, b) => a.at - b.at);
  const rows = { positive: [] as number[], negative: [] as number[] };
  for (const [row, { positive }] of order.entries()) rows[positive ? 'positive' : 'negative'].push(row);
  return rows;
}
