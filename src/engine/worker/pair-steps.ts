/**
 * Reads many answers after many prompts: their log-probabilities, or how far an edit moves their distributions. Texts
 * are read one after another; scores without an edit several at once where there are rows for them (run/text-rows.ts), to
 * the same bits.
 *
 * Each generator computes one chunk at each step, or the answers of one group, so that streams go on between the chunks,
 * and frees its cache row between two texts, so that it can be interrupted.
 */
import type { ActivationEdit, Divergence, PairsRequest } from '../protocol.js';
import type { LogitReader } from '../run/logit-reader.js';
import type { ServingRunner } from '../run/serving-runner.js';
import { TextRow } from '../run/text-row.js';
import type { TextRows } from '../run/text-rows.js';
import { chunkEnd, scoredChunk, uncut } from '../schedule/chunks.js';
import { inReadingOrder, type PairText } from '../schedule/pair-order.js';
import { type TogetherLimits, textGroup } from '../schedule/text-groups.js';
import type { Pause } from './read-steps.js';

const noEdit: ActivationEdit = [];

/** Rows for several texts. */
interface Together {
  readonly limits: TogetherLimits;
  /** Asked for before each group, and before its run; null while there are none, or streams would wait for them. */
  rows(): TextRows | null;
}

/** Log-probabilities of the pairs' answers under their prompts' edits, in the order of the pairs. */
export function* scorePairs(
  runner: ServingRunner,
  reader: LogitReader,
  request: PairsRequest,
  chunk: number,
  together: Together | null = null,
): Generator<Pause, Float32Array<ArrayBuffer>> {
  const { texts, total } = inReadingOrder(request);
  const result = new Float32Array(total);
  const alone = new TextRow(runner, chunk);
  const beginnings = new Map<TextRows, TextRow>();
  const readAlone = (some: readonly PairText[]) =>
    readTexts(some, [alone], [result], ([logits = result], tokens) => [
      reader.logProbabilities(logits, tokens),
    ]);
  for (let next = 0; next < texts.length; ) {
    const some = texts.slice(next, next + (together?.limits.rows ?? 1));
    const group = some.slice(0, together === null ? 1 : textGroup(some, together.limits));
    if (next > 0 && group.some(isOpen)) yield 'row is free';
    const rows = group.length > 1 ? (together?.rows() ?? null) : null;
    if (rows === null) yield* readAlone(some.slice(0, 1));
    else {
      const row = beginnings.get(rows) ?? new TextRow(rows.beginnings, chunk);
      beginnings.set(rows, row);
      yield* readBeginnings(group, rows, row);
      // A stream may have begun, which would wait for all of them.
      if (together?.rows() === rows) runTogether(group, rows, reader, result);
      else {
        yield 'row is free';
        yield* readAlone(group);
      }
    }
    next += rows === null ? 1 : group.length;
  }
  return result;
}

/** Whether not all of a text is known. */
const isOpen = ({ known, answer }: PairText) => known < answer.length;

/**
 * Reads the texts' beginnings one after another, each into its row.
 * @param row of the beginnings
 */
function* readBeginnings(texts: readonly PairText[], rows: TextRows, row: TextRow): Generator<Pause, void> {
  for (const [index, { prompt }] of texts.entries()) {
    // The logits of the prompt's last token are the answer's first.
    const end = prompt.length - 1;
    for (let past = row.begin(prompt, noEdit, end); past < end; ) {
      past = chunkEnd(past, end, row.chunk);
      row.readTo(past, 0);
      yield 'row is taken';
    }
    rows.place(index, prompt, end);
  }
}

/** All their answers by one run. */
function runTogether(
  texts: readonly PairText[],
  rows: TextRows,
  reader: LogitReader,
  result: Float32Array,
): void {
  const { logits, length } = rows.run(
    texts.map(({ prompt, answer }) => ({
      tokens: [...prompt.slice(-1), ...answer.slice(0, -1)],
      past: prompt.length - 1,
    })),
  );
  const size = rows.spec.vocabularySize;
  for (const [index, { answer, at }] of texts.entries()) {
    const from = index * length * size;
    const own = logits.subarray(from, from + answer.length * size);
    result.set(reader.logProbabilities(own, answer), at);
  }
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
  read: Read,
): Generator<Pause, void> {
  for (const [index, text] of texts.entries()) {
    if (index > 0 && isOpen(text)) yield 'row is free';
    yield* readText(text, rows, outputs, read);
  }
}

type Read = (logits: readonly Float32Array[], tokens: readonly number[]) => readonly Float32Array[];

/** One of them: what is known of it is copied, the rest is read. */
function* readText(
  { prompt, answer, edit: own, at, known, knownAt }: PairText,
  rows: readonly TextRow[],
  outputs: readonly Float32Array[],
  read: Read,
): Generator<Pause, void> {
  const from = prompt.length;
  for (const output of outputs) output.copyWithin(at, knownAt, knownAt + known);
  // The logits at position p are of token p + 1, so the last token need not be run.
  const end = from + answer.length - 1;
  const first = from - 1 + known;
  if (first >= end) return;
  const tokens = [...prompt, ...answer];
  const reading = beginningOf(first, end, rows[0]?.chunk ?? uncut);
  const used = own.length === 0 ? rows.slice(-1) : rows;
  for (const row of used) {
    const edit = row === rows.at(-1) ? own : noEdit;
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

/**
 * How many tokens to compute without logits, of a text that needs them from position `first` on, up to `end`: such that
 * no run has one token of a longer text (chunks.ts).
 */
function beginningOf(first: number, end: number, chunk: number): number {
  if (chunk === uncut) return 0;
  const count = end - first === 1 ? first - 1 : first;
  return count < 2 ? 0 : count;
}
