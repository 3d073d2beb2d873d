/**
 * Whether the device graphs of decode steps compute the same as the steps node by node. A provider may record a step
 * that reads memory which holds something else at the next step: only trying shows it.
 */
import type { Session } from '../../ort/session.js';
import { OrtError } from '../../ort/status.js';
import { reasonOf } from '../devices.js';
import type { ActivationEdit } from '../protocol.js';
import { DecodeGraphs } from '../run/decode-graphs.js';
import type { DecodeRow } from '../run/fixed-shape-step.js';
import type { ServingRunner } from '../run/serving-runner.js';
import { chunkEnd } from '../schedule/chunks.js';
import { logitDistance, trialTerm, trialTokens } from './trial-inputs.js';

/** Rows of different lengths; one fewer than a graph has rows, where there are slots for it. */
const rowLengths = [5, 2, 4] as const;
/** The first run records, so the next ones must replay. */
const stepsEach = 3;
const mostTokens = 16;
/** How far kernels that divide their work differently may be apart, as a share of the largest logit. */
const tolerance = 0.01;

/**
 * Lets a runner whose session captures use device graphs for its decode steps, if they compute the right logits.
 * @returns what is wrong if they do not: then decode steps run node by node
 */
export async function replayDecodes(
  runner: ServingRunner,
  session: Session,
  chunk: number,
): Promise<string | null> {
  const { cache } = runner;
  if (!session.captures || cache.layout === 'concatenated') return null;
  try {
    const graphs = await DecodeGraphs.open(session, cache);
    const fault = faultOfGraphs(runner, graphs, chunk);
    if (fault) graphs.release();
    else runner.useGraphs(graphs);
    return fault;
  } catch (error) {
    if (error instanceof OrtError) return reasonOf(error);
    throw error;
  }
}

/**
 * Runs a few steps both ways over an empty cache, with and without edits, and other runs between them.
 * @param chunk most tokens of a prompt that are computed at once
 * @returns null when the logits agree, else what is wrong
 */
export function faultOfGraphs(runner: ServingRunner, graphs: DecodeGraphs, chunk: number): string | null {
  const { cache } = runner;
  const { vocabularySize, slidingWindow } = cache.spec;
  const tokens = (from: number, count: number) => trialTokens(from, count, vocabularySize);
  // One row is longer than the attention's sliding window, if there is one.
  const [first, ...others] = rowLengths;
  const longest = slidingWindow + first + mostTokens <= cache.capacity ? slidingWindow + first : first;
  const lengths = [longest, ...others].slice(0, cache.slots);
  const term = (seed: number) => trialTerm(cache.spec, seed);
  const edits: readonly (readonly ActivationEdit[])[] = [
    [[], [], []],
    [[term(1)], [], [term(2)]],
    [[term(1), term(3)], [term(2)], []],
  ];
  try {
    lengths.forEach((length, row) => {
      const text = tokens(row, length);
      for (let past = 0; past < length; past = chunkEnd(past, length, chunk))
        runner.chunk(row, text.slice(past, chunkEnd(past, length, chunk)), past, [], 0);
    });
    let made = 0;
    for (const edit of edits)
      for (let step = 0; step < stepsEach; step++, made++) {
        const rows: DecodeRow[] = lengths.map((length, row) => ({
          lastToken: tokens(row * stepsEach + made, 1)[0] ?? 0,
          computed: length + made,
          edit: edit[row] ?? [],
        }));
        const expected = runner.decodeRows(rows, false).logits.slice();
        runner.chunk(cache.scratch, tokens(made, 2), 0, [], 1);
        const replayed = graphs.stepFor(rows)?.run(rows, runner.runOptions, false);
        if (!replayed || !agree(replayed.logits, expected))
          return `a replayed step differs from the same one node by node (step ${made + 1} of ${edits.length * stepsEach})`;
      }
    return null;
  } catch (error) {
    if (error instanceof OrtError) return reasonOf(error);
    throw error;
  }
}

function agree(replayed: Float32Array, expected: Float32Array): boolean {
  const { apart, largest } = logitDistance(replayed, expected);
  return apart <= tolerance * largest;
}
