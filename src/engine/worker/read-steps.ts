/**
 * Reads: scores, projections and captures of given text, for which nothing is generated. Each is a generator that
 * computes one chunk at each step, so that streams go on between the chunks of a long text. Many texts: pair-steps.ts.
 */

import type { ModelSpec } from '../model-spec.js';
import type { Capture, CaptureRequest, ProjectRequest, ScoreRequest } from '../protocol.js';
import type { CaptureRunner } from '../run/capture-runner.js';
import type { LogitReader } from '../run/logit-reader.js';
import type { ServingRunner } from '../run/serving-runner.js';
import { chunkEnd, scoredChunk, uncut } from '../schedule/chunks.js';
import { withMonitored } from '../schedule/monitored-edit.js';

/** Between two chunks: whether the read still needs what is in its cache row. */
export type Pause = 'row is taken' | 'row is free';

/** Log-probabilities [tokens.length - from] of the given tokens, in nats. */
export function* score(
  runner: ServingRunner,
  reader: LogitReader,
  request: ScoreRequest,
  chunk: number,
): Generator<Pause, Float32Array<ArrayBuffer>> {
  const { tokens, from, edit } = request;
  const { spec, scratch } = runner.cache;
  const result = new Float32Array(tokens.length - from);
  const prefix = sharedPrefix(request, spec, chunk);
  // Keys and values that were computed under one edit are wrong under another: with an edit nothing is cached.
  const cached = edit.length === 0;
  // The logits at position p are of token p + 1, so the last token need not be run.
  const end = tokens.length - 1;
  for (let past = runner.scratchPrefix.start(cached ? prefix : []); past < end; ) {
    const to = chunkEnd(past, past < prefix.length ? prefix.length : end, scoredChunk(chunk));
    const scored = Math.max(0, to - Math.max(past, from - 1));
    const { logits } = runner.chunk(scratch, tokens.slice(past, to), past, edit, scored);
    const next = to - scored + 1;
    if (scored > 0) result.set(reader.logProbabilities(logits, tokens.slice(next, to + 1)), next - from);
    past = to;
    if (past === prefix.length && cached) runner.scratchPrefix.store(prefix);
    if (past < end) yield 'row is taken';
  }
  return result;
}

/** The prefix to cache. A concatenated cache cannot be cut back to it, so there it is none. */
export function sharedPrefix(
  { tokens, shared = 0 }: Pick<ScoreRequest, 'tokens' | 'shared'>,
  { kvLayout }: ModelSpec,
  chunk: number,
): readonly number[] {
  return chunk === uncut || kvLayout === 'concatenated' ? [] : tokens.slice(0, shared);
}

/** Projections [M, L, T] of every position of a text onto M directions. */
export function* project(
  runner: ServingRunner,
  request: ProjectRequest,
  chunk: number,
): Generator<Pause, Float32Array<ArrayBuffer>> {
  const { tokens, vectors } = request;
  const { edit, monitored } = withMonitored([], vectors);
  const rows = monitored.length * runner.cache.spec.layers.length;
  const result = new Float32Array(rows * tokens.length);
  // This text overwrites a prefix that scores may have left in the row.
  runner.scratchPrefix.start([]);
  for (let past = 0; past < tokens.length; ) {
    const to = chunkEnd(past, tokens.length, chunk);
    const { projections } = runner.chunk(runner.cache.scratch, tokens.slice(past, to), past, edit, 0, true);
    for (let position = past; projections && position < to; position++) {
      const read = projections.read(0, position - past, monitored);
      for (let row = 0; row < rows; row++) result[row * tokens.length + position] = read[row] as number;
    }
    past = to;
    if (past < tokens.length) yield 'row is taken';
  }
  return result;
}

/** Activations at the request's positions, in their order. */
export function* capture(
  runner: CaptureRunner,
  request: CaptureRequest,
  chunk: number,
): Generator<Pause, Capture> {
  const { tokens, positions, span } = request;
  const { layers, hiddenSize, heads } = runner.spec;
  const count = positions.length;
  const hiddenStates = new Float32Array(layers.length * count * hiddenSize);
  const attentionToPrefix = new Float32Array(layers.length * heads * count);
  const shared = sharedPrefix(request, runner.spec, chunk);
  const end = Math.max(...positions) + 1;
  const row = runner.rowFor(end);
  for (let past = row.prefix.start(shared); past < end; ) {
    const to = chunkEnd(past, past < shared.length ? shared.length : end, chunk);
    const here = positions.flatMap((position, index) => (position >= past && position < to ? [index] : []));
    // A chunk without positions to read still fills the cache; it reads one that is thrown away.
    const local = here.length > 0 ? here.map((index) => (positions[index] ?? 0) - past) : [0];
    const read = row.chunk({ tokens: tokens.slice(past, to), positions: local, span }, past);
    here.forEach((index, i) => {
      for (let layer = 0; layer < layers.length; layer++) {
        const from = (layer * local.length + i) * hiddenSize;
        hiddenStates.set(
          read.hiddenStates.subarray(from, from + hiddenSize),
          (layer * count + index) * hiddenSize,
        );
        for (let head = 0; head < heads; head++) {
          const at = layer * heads + head;
          attentionToPrefix[at * count + index] = read.attentionToPrefix[at * local.length + i] ?? 0;
        }
      }
    });
    past = to;
    if (past === shared.length) row.prefix.store(shared);
    if (past < end) yield 'row is taken';
  }
  return { hiddenStates, attentionToPrefix };
}

/**
 * Activations of several texts by one run. All begin with the same shared prefix, which the row for them holds
 * (`schedule/capture-groups.ts`).
 * @returns one for each request: the bits of `capture`
 * @throws OrtError
 */
export function captureTogether(
  runner: CaptureRunner,
  requests: readonly CaptureRequest[],
  chunk: number,
): Capture[] {
  const ends = requests.map(({ positions }) => Math.max(...positions) + 1);
  const [first] = requests;
  const row = runner.rowFor(Math.max(...ends));
  const past = row.prefix.start(first ? sharedPrefix(first, runner.spec, chunk) : []);
  return row.chunks(
    requests.map(({ tokens, positions, span }, i) => ({
      tokens: tokens.slice(past, ends[i]),
      positions: positions.map((position) => position - past),
      span,
    })),
  );
}
