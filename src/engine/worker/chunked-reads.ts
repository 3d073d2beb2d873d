/**
 * Scoring and capturing as generators: each `yield` hands the worker back to its running streams, so a long
 * text never stalls them for more than one chunk.
 */

import type { ModelSpec } from '../model-spec.js';
import type { Capture, CaptureRequest, ProjectRequest, ScoreRequest } from '../protocol.js';
import type { CaptureRunner } from '../run/capture-runner.js';
import { monitoredEdit } from '../run/monitored-edit.js';
import type { ServingRunner } from '../run/serving-runner.js';
import { logNormaliser, mostScored } from '../sampling/token-logprobs.js';
import { chunkEnd } from '../schedule/chunks.js';

/** The chunk of an export that must get a text in one piece. */
const whole = Number.POSITIVE_INFINITY;

/** Log-probabilities [tokens.length - from] of the given tokens, in nats. */
export function* score(
  runner: ServingRunner,
  request: ScoreRequest,
  chunk: number,
): Generator<void, Float32Array> {
  const { tokens, from, edit } = request;
  const size = runner.cache.spec.vocabularySize;
  const result = new Float32Array(tokens.length - from);
  const shared = sharedTokens(request, runner.cache.spec, chunk);
  const most = chunk === whole ? whole : Math.min(chunk, mostScored);
  // The logits at position p speak of token p + 1, so the last token need not be run.
  const end = tokens.length - 1;
  // Keys and values made under one edit are wrong under another.
  for (let past = edit.length === 0 ? runner.scratch.begin(shared) : runner.scratch.begin([]); past < end; ) {
    const to = chunkEnd(past, past < shared.length ? shared.length : end, most);
    const scored = Math.max(0, to - Math.max(past, from - 1));
    const logits = runner.chunk(runner.cache.scratch, tokens.slice(past, to), past, edit, scored);
    for (let i = 0; i < scored; i++) {
      const next = to - scored + i + 1;
      result[next - from] = logProbability(logits.subarray(i * size, (i + 1) * size), tokens[next] ?? 0);
    }
    past = to;
    if (past === shared.length && edit.length === 0) runner.scratch.keep(shared);
    if (past < end) yield;
  }
  return result;
}

/** The beginning to keep. Keys and values that grow with the text cannot be cut back to it. */
function sharedTokens(
  { tokens, shared = 0 }: Pick<ScoreRequest, 'tokens' | 'shared'>,
  { kvLayout }: ModelSpec,
  chunk: number,
): readonly number[] {
  return chunk === whole || kvLayout === 'concatenated' ? [] : tokens.slice(0, shared);
}

/** log softmax(logits)[token] in nats. */
export function logProbability(logits: Float32Array, token: number): number {
  return (logits[token] ?? Number.NEGATIVE_INFINITY) - logNormaliser(logits);
}

/** Projections [M, L, T] of every position of a text onto M directions. */
export function* project(
  runner: ServingRunner,
  request: ProjectRequest,
  chunk: number,
): Generator<void, Float32Array> {
  const { tokens, vectors } = request;
  const { edit, terms } = monitoredEdit([], vectors);
  const rows = terms.length * runner.cache.spec.layers.length;
  const result = new Float32Array(rows * tokens.length);
  // This text takes the place of the beginning that scores may have left.
  runner.scratch.begin([]);
  for (let past = 0; past < tokens.length; ) {
    const to = chunkEnd(past, tokens.length, chunk);
    runner.chunk(runner.cache.scratch, tokens.slice(past, to), past, edit, 0, true);
    for (let position = past; position < to; position++) {
      const read = runner.projections(0, position - past, terms);
      for (let row = 0; row < rows; row++) result[row * tokens.length + position] = read[row] as number;
    }
    past = to;
    if (past < tokens.length) yield;
  }
  return result;
}

/** Activations at the request's positions, in their order. */
export function* capture(
  runner: CaptureRunner,
  request: CaptureRequest,
  chunk: number,
): Generator<void, Capture> {
  const { tokens, positions, span } = request;
  const { layers, hiddenSize, heads } = runner.spec;
  const count = positions.length;
  const hiddenStates = new Float32Array(layers.length * count * hiddenSize);
  const attentionToPrefix = new Float32Array(layers.length * heads * count);
  const shared = sharedTokens(request, runner.spec, chunk);
  const end = Math.max(...positions) + 1;
  const text = runner.text(end);
  for (let past = text.beginning.begin(shared); past < end; ) {
    const to = chunkEnd(past, past < shared.length ? shared.length : end, chunk);
    const here = positions.flatMap((position, index) => (position >= past && position < to ? [index] : []));
    // A chunk without asked positions still fills the cache; one dummy position keeps its shape plain.
    const local = here.length > 0 ? here.map((index) => (positions[index] ?? 0) - past) : [0];
    const read = text.chunk(tokens.slice(past, to), past, local, span);
    here.forEach((index, i) => {
      for (let layer = 0; layer < layers.length; layer++) {
        const from = (layer * local.length + i) * hiddenSize;
        hiddenStates.set(
          read.hiddenStates.subarray(from, from + hiddenSize),
          (layer * count + index) * hiddenSize,
        );
        for (let head = 0; head < heads; head++) {
          const row = layer * heads + head;
          attentionToPrefix[row * count + index] = read.attentionToPrefix[row * local.length + i] ?? 0;
        }
      }
    });
    past = to;
    if (past === shared.length) text.beginning.keep(shared);
    if (past < end) yield;
  }
  return { hiddenStates, attentionToPrefix };
}
