/**
 * Recipe `responses` with soft labels: an example is one token of an answer, labelled by its attention to the message
 * that states the concept, or 0 in an answer without one. So tokens that carry the concept weigh more than those
 * between them. The tokens read are spread evenly over the answers of each side.
 */
import { norm } from '../linear-algebra/vectors.js';
import { interleaved, minMax, readAll } from './reading.js';
import type { RecipeContext } from './recipe.js';
import { meanOverHeads } from './token-selection.js';

/** What the model said to one question. */
export interface Answer {
  /** Whether the concept was stated. */
  readonly positive: boolean;
  /** What it is read after: what it was given to, or the question alone. */
  readonly prompt: readonly number[];
  /** Tokens of the prompt that state the concept; for soft labels. */
  readonly span: readonly [start: number, end: number];
  /** The answer's, without the one that ended it. */
  readonly tokens: readonly number[];
}

/** Of each side. Reading takes time in proportion to it, a kernel method in proportion to its cube. */
const mostTokens = 200;

export async function readAnswerTokens(answers: readonly Answer[], context: RecipeContext) {
  const { layers: depth, heads, hiddenSize } = context.model.engine.shape;
  const picked = [true, false].map((positive) => {
    const side = answers.filter((answer) => answer.positive === positive);
    return spread(side, mostTokens);
  });
  const [positive, negative] = picked.map(({ length }) => length) as [number, number];
  const order = interleaved(positive, negative);
  const n = positive + negative;
  const layers = Array.from({ length: depth }, () => new Float32Array(n * hiddenSize));
  const soft = Array.from({ length: depth }, () => new Float64Array(n));
  const labels = new Float32Array(n);
  for (const row of order.positive) labels[row] = 1;

  const rows = new Map<Answer, { token: number; row: number }[]>();
  for (const [side, places] of [order.positive, order.negative].entries()) {
    for (const [index, { answer, token }] of (picked[side] ?? []).entries()) {
      const known = rows.get(answer) ?? [];
      known.push({ token, row: places[index] as number });
      rows.set(answer, known);
    }
  }
  const read = [...rows];
  const readings = read.map(([{ prompt, tokens, span }, taken]) => ({
    tokens: [...prompt, ...tokens],
    positions: taken.map(({ token }) => prompt.length + token),
    span,
  }));
  let done = 0;
  context.onProgress('capture', done, read.length);
  await readAll(readings, context, (capture, index) => {
    const [{ positive: isPositive }, taken] = read[index] as (typeof read)[number];
    const attention = meanOverHeads(capture.attentionToPrefix, depth, heads);
    for (let layer = 0; layer < depth; layer++) {
      for (const [i, { row }] of taken.entries()) {
        const at = layer * taken.length + i;
        const state = capture.hiddenStates.subarray(at * hiddenSize, (at + 1) * hiddenSize);
        layers[layer]?.set(state, row * hiddenSize);
        if (isPositive) (soft[layer] as Float64Array)[row] = attention[at] as number;
      }
    }
    context.onProgress('capture', ++done, read.length);
  });
  return {
    n,
    layers,
    labels,
    softLabels: soft.map((values) => minMax(values) ?? labels),
    residualNorms: Float32Array.from(layers, (states) => {
      let sum = 0;
      for (let row = 0; row < n; row++)
        sum += norm(states.subarray(row * hiddenSize, (row + 1) * hiddenSize));
      return sum / n;
    }),
    details: { positive_tokens: positive, negative_tokens: negative },
  };
}

/** At most `most` of all the answers' tokens, at even distances. */
function spread(answers: readonly Answer[], most: number): { answer: Answer; token: number }[] {
  const all = answers.flatMap((answer) => answer.tokens.map((_, token) => ({ answer, token })));
  const count = Math.min(most, all.length);
  return Array.from(
    { length: count },
    (_, i) => all[Math.floor(((i + 0.5) * all.length) / count)] as (typeof all)[number],
  );
}
