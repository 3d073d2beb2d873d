/** Reads what a concept's message differs in from other messages, where it stands in the prompt: see MessageDirections. */
import type { Concept } from '../../concepts/concept.js';
import { dot, withoutSpan } from '../../concepts/orthogonal.js';
import type { StrengthTrials } from './strength-trials.js';
import { chatPrompts } from './trial-prompts.js';

/** Where a message stands out from others at a layer. */
export interface MessageRow {
  /** A unit vector at right angles to the concept's. */
  readonly direction: Float32Array;
  /** What the message's own tokens read along it, in the mean. */
  readonly own: number;
}

/** Messages of other things that it is told apart from. */
const others = 8;

/**
 * @param layers where directions are wanted
 * @returns by layer; null where nothing states it or anything else
 * @throws what the engine throws; the signal's reason when aborted
 */
export async function readMessage(
  { vectors, hiddenSize }: Concept,
  layers: readonly number[],
  { settings: { model, statement, questions, maxTokens, signal } }: StrengthTrials,
): Promise<ReadonlyMap<number, MessageRow> | null> {
  const [content] = questions;
  if (statement === null || statement.decoys.length === 0 || content === undefined) return null;
  const step = Math.max(1, Math.floor(statement.decoys.length / others));
  const decoys = statement.decoys.filter((_, i) => i % step === 0).slice(0, others);
  const chat = [[{ role: 'user', content }]] as const;
  const prompts = [statement.own, ...decoys].map((message) => {
    const [pair] = chatPrompts(model, chat, message, maxTokens).pairs;
    return pair?.stated ?? [];
  });
  const own = prompts[0] as readonly number[];
  const shortest = Math.min(...prompts.map(({ length }) => length));
  let before = 0;
  while (before < shortest && prompts.every((tokens) => tokens[before] === own[before])) before++;
  let behind = 0;
  while (
    behind < shortest - before &&
    prompts.every((tokens) => tokens.at(-1 - behind) === own.at(-1 - behind))
  )
    behind++;
  // The first position is an attention sink.
  const from = Math.max(1, before);
  const means: Float64Array[] = [];
  for (const tokens of prompts) {
    const positions = Array.from({ length: tokens.length - behind - from }, (_, i) => from + i);
    if (positions.length < 1) return null;
    const { hiddenStates } = await model.engine.capture({ tokens, positions, span: [0, 0] }, signal);
    means.push(
      Float64Array.from({ length: layers.length * hiddenSize }, (_, at) => {
        const start = (layers[Math.floor(at / hiddenSize)] as number) * positions.length;
        let sum = 0;
        for (let p = 0; p < positions.length; p++)
          sum += hiddenStates[(start + p) * hiddenSize + (at % hiddenSize)] as number;
        return sum / positions.length;
      }),
    );
  }
  const [mine, ...rest] = means as [Float64Array, ...Float64Array[]];
  const rows = new Map<number, MessageRow>();
  for (const [i, layer] of layers.entries()) {
    const difference = Float64Array.from({ length: hiddenSize }, (_, h) => {
      const at = i * hiddenSize + h;
      return (mine[at] as number) - rest.reduce((sum, other) => sum + (other[at] as number), 0) / rest.length;
    });
    const v = Float64Array.from(vectors.subarray(layer * hiddenSize, (layer + 1) * hiddenSize));
    const norm = Math.hypot(...v);
    const left = withoutSpan(difference, norm === 0 ? [] : [v.map((value) => value / norm)]);
    if (left === null) continue;
    const direction = Float32Array.from(left.direction);
    rows.set(layer, { direction, own: dot(direction, mine.subarray(i * hiddenSize, (i + 1) * hiddenSize)) });
  }
  return rows;
}
