/** What recipes share that have the model write: many answers side by side, and the mean of each over its tokens. */
import { mapConcurrent } from '../../common/map-concurrent.js';
import { greedy, type Sampling } from '../../engine/protocol.js';
import { errors } from '../../errors.js';
import { answersInFlight } from '../answers/answers-in-flight.js';
import { plainAnswer } from '../answers/known-answers.js';
import type { Answer } from './answer-tokens.js';
import { readable, SinkMeter } from './attention-sinks.js';
import { meanOverTokens, type Reading, readAll } from './reading.js';
import type { RecipeContext, RecipeRequest } from './recipe.js';

const noSpan = [0, 0] as const;

/** What the model is to answer. */
export interface Asked {
  readonly prompt: readonly number[];
  readonly sampling?: Sampling;
}

/**
 * The tokens of each answer, without the one that ended it, in the order of the questions.
 * @param stage how progress calls it
 */
export function answerAll(
  asked: readonly Asked[],
  stage: string,
  { model, maxTokens, onProgress, signal }: RecipeContext,
): Promise<(readonly number[])[]> {
  let done = 0;
  onProgress(stage, done, asked.length);
  const limit = answersInFlight(model.engine);
  return mapConcurrent(asked, limit, signal, async ({ prompt, sampling = greedy }, _, either) => {
    const tokens = await plainAnswer(model, { prompt, maxTokens, sampling }, either);
    onProgress(stage, ++done, asked.length);
    return tokens;
  });
}

/** @throws SteerdError when the context does not hold the prompt with an answer; `what` says which. */
export function checkRoom(
  prompt: readonly number[],
  what: string,
  { model, maxTokens }: Pick<RecipeRequest, 'model' | 'maxTokens'>,
): void {
  const { capacity } = model.engine.shape;
  if (prompt.length + maxTokens <= capacity) return;
  throw errors.contextLengthExceeded(what, prompt.length, maxTokens, capacity);
}

/**
 * An answer is an example: the mean of the block outputs over its tokens but attention sinks, row by row in the order
 * given. The details count what was left out.
 */
export async function readAnswers(answers: readonly Answer[], context: RecipeContext) {
  const { layers: depth, hiddenSize } = context.model.engine.shape;
  const n = answers.length;
  const layers = Array.from({ length: depth }, () => new Float32Array(n * hiddenSize));
  // By row, so that they are summed in the same order whichever capture ends first.
  const norms = Array.from({ length: depth }, () => new Float64Array(n));
  const readings = answers.map(
    ({ prompt, tokens }): Reading => ({
      tokens: [...prompt, ...tokens],
      positions: tokens.map((_, t) => prompt.length + t),
      span: noSpan,
    }),
  );
  const meter = await SinkMeter.of(context.model, context.signal);
  const tokensRead = new Float64Array(n);
  let done = 0;
  context.onProgress('capture', done, n);
  await readAll(readings, context, (capture, row) => {
    const count = (readings[row] as Reading).positions.length;
    const kept = readable(meter.sinks(capture, count));
    tokensRead[row] = kept.length;
    for (let layer = 0; layer < depth; layer++) {
      const feature = (layers[layer] as Float32Array).subarray(row * hiddenSize, (row + 1) * hiddenSize);
      (norms[layer] as Float64Array)[row] = meanOverTokens(capture, layer, count, kept, feature);
    }
    context.onProgress('capture', ++done, n);
  });
  const read = tokensRead.reduce((sum, count) => sum + count, 0);
  const sinks = answers.reduce((sum, { tokens }) => sum + tokens.length, -read);
  return {
    n,
    layers,
    labels: Float32Array.from(answers, (answer) => (answer.positive ? 1 : 0)),
    softLabels: null,
    residualNorms: Float32Array.from(norms, (byRow) => byRow.reduce((sum, x) => sum + x, 0) / read),
    details: sinks > 0 ? { left_out: { attention_sinks: sinks } } : {},
  };
}
