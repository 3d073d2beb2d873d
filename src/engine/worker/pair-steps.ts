/**
 * Reads many answers after many prompts: their log-probabilities, or how far an edit moves their distributions. Texts
 * are read one after another: a processor has no use for batches here (a row of 64 tokens keeps it as busy as eight
 * rows), and GroupQueryAttention takes several tokens behind a past in one row only.
 *
 * Each generator computes one chunk at each step, so that streams go on between the chunks, and frees its cache row
 * between two texts, so that it can be interrupted.
 */
import type { ActivationEdit, Divergence, PairsRequest } from '../protocol.js';
import type { LogitReader } from '../run/logit-reader.js';
import type { ServingRunner } from '../run/serving-runner.js';
import { TextRow } from '../run/text-row.js';
import { chunkEnd, scoredChunk, uncut } from '../schedule/chunks.js';
import { inReadingOrder, type PairText } from '../schedule/pair-order.js';
import type { Pause } from './read-steps.js';

const noEdit: ActivationEdit = [];

/** Log-probabilities of the pairs' answers under their prompts' edits, in the order of the pairs. */
export function* scorePairs(
  runner: ServingRunner,
  reader: LogitReader,
  request: PairsRequest,
  chunk: number,
): Generator<Pause, Float32Array<ArrayBuffer>> {
  const { texts, total } = inReadingOrder(request);
  const result = new Float32Array(total);
  const row = new TextRow(runner, chunk);
  yield* readTexts(texts, [row], [result], ([logits = result], tokens) => [
    reader.logProbabilities(logits, tokens),
  ]);
  return result;
}

/**
 * Divergences of the pairs' answers under their prompts' edits from the unsteered model, in the order of the pairs.
 * @param comparison gives the runner that reads the texts unsteered. Its logits stay valid between two steps: nobody else uses it.
 */
export function* comparePairs(
  runner: ServingRunner,
  comparison: () => ServingRunner,
  reader: LogitReader,
  request: PairsRequest,
  chunk: number,
): Generator<Pause, Divergence> {
  const { texts, total } = inReadingOrder(request);
  const result = {
    steered: new Float32Array(total),
    unsteered: new Float32Array(total),
    divergence: new Float32Array(total),
  };
  const { steered, unsteered, divergence } = result;
  const rows = [new TextRow(comparison(), chunk), new TextRow(runner, chunk)];
  yield* readTexts(texts, rows, [steered, unsteered, divergence], (logits, tokens) => {
    const [without = divergence, under = without] = logits;
    const read = reader.divergence(under, without, tokens);
    return [read.steered, read.unsteered, read.divergence];
  });
  return result;
}

/**
 * Reads every text in every row: in the last one under its edit, in the others without. A text without an edit is read
 * in the last one alone.
 * @param outputs [total] each
 * @param read makes of each row's logits [N, V], and the N tokens that come after them, N numbers for each output
 */
function* readTexts(
  texts: readonly PairText[],
  rows: readonly TextRow[],
  outputs: readonly Float32Array[],
  read: (logits: readonly Float32Array[], tokens: readonly number[]) => readonly Float32Array[],
): Generator<Pause, void> {
  let begun = false;
  for (const text of texts) {
    const { prompt, answer, at, known, knownAt } = text;
    const from = prompt.length;
    for (const output of outputs) output.copyWithin(at, knownAt, knownAt + known);
    // The logits at position p are of token p + 1, so the last token need not be run.
    const end = from + answer.length - 1;
    const first = from - 1 + known;
    if (first >= end) continue;
    if (begun) yield 'row is free';
    begun = true;
    const tokens = [...prompt, ...answer];
    const reading = beginningOf(first, end, rows[0]?.chunk ?? uncut);
    const used = text.edit.length === 0 ? rows.slice(-1) : rows;
    for (const row of used) {
      const edit = row === rows.at(-1) ? text.edit : noEdit;
      for (let past = row.begin(tokens, edit, reading); past < reading; ) {
        past = chunkEnd(past, reading, row.chunk);
        row.readTo(past, 0);
        yield 'row is taken';
      }
    }
    for (let past = reading; past < end; ) {
      const to = chunkEnd(past, end, scoredChunk(rows[0]?.chunk ?? uncut));
      const start = Math.max(past, first);
      const logits: Float32Array[] = [];
      for (const row of used) {
        if (logits.length > 0) yield 'row is taken';
        logits.push(row.readTo(to, Math.max(0, to - start)));
      }
      past = to;
      if (to > start) {
        const numbers = read(logits, tokens.slice(start + 1, to + 1));
        outputs.forEach((output, i) => {
          output.set(numbers[i] ?? [], at + start + 1 - from);
        });
      }
      if (past < end) yield 'row is taken';
    }
  }
}

/**
 * How many tokens to compute without logits, of a text that needs them from position `first` on, up to `end`: such that
 * no run has one token of a longer text (chunks.ts).
 */
function beginningOf(first: number, end: number, chunk: number): number {
  if (chunk === uncut) return 0;
  const count = end - first === 1 ? first - 1 : first;
  return count < 2 ? 0 : count;
}
