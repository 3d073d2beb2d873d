/**
 * The readings of a calibrated concept: where plain and told answers lie on its directions, where the stream does under
 * addition at strength 1, and in that unit what ablate and clamp hold (ablation.ts). Told answers are no unit: on some
 * concepts they lie far less beyond plain ones than added-to answers do, and at some layers on the other side.
 */

import { mapConcurrent } from '../../common/map-concurrent.js';
import type { Concept } from '../../concepts/concept.js';
import { encodedRows, messageVectors } from '../../concepts/message-directions.js';
import type { Readings } from '../../concepts/readings.js';
import { greedy } from '../../engine/protocol.js';
import { answersInFlight } from '../answers/answers-in-flight.js';
import { writeAnswer } from '../answers/write-answer.js';
import { middleLayers, withAblation } from './ablation.js';
import { readMessage } from './message-reading.js';
import { heldLayers, measureReadings } from './readings.js';
import type { StrengthTrials, TriedAnswer } from './strength-trials.js';
import { addEverywhere } from './unit-edit.js';

/** Greedy answers of each kind. */
const read = 12;

export async function heldReadings(concept: Concept, trials: StrengthTrials): Promise<Readings | null> {
  const { model, signal } = trials.settings;
  const { plainAnswers, toldAnswers } = await trials.references();
  const behind = (prompts: readonly (readonly number[])[], answers: readonly TriedAnswer[]) =>
    answers
      .filter(({ sampled }) => !sampled)
      .slice(0, read)
      .map(({ question, tokens }) => ({ prompt: prompts[question] as readonly number[], answer: tokens }));
  const layers = middleLayers(heldLayers(concept));
  const rows = trials.judge.told === null ? null : await readMessage(concept, layers, trials);
  const message =
    rows === null || rows.size === 0
      ? null
      : { vectors: encodedRows(new Map([...rows].map(([layer, { direction }]) => [layer, direction]))) };
  const further = message === null ? null : messageVectors(message, concept.layers, concept.hiddenSize);
  const steered = await steeredAnswers(concept, trials);
  const told =
    trials.judge.told === null
      ? steered.map(({ prompt, tokens }) => ({ prompt, answer: tokens }))
      : behind(trials.judge.told, toldAnswers);
  const measured = await measureReadings(
    concept,
    model,
    {
      neutral: behind(trials.judge.plain, plainAnswers),
      told,
      toldBy: trials.judge.told === null ? 'steering' : 'message',
    },
    signal,
    further,
  );
  if (measured === null) return null;
  const { readings, further: level } = measured;
  const means = meansOf(steered, concept.layers);
  if (means === null) return readings;
  // Projections are of the stream before a block's own addition.
  const unit = readings.clamp.unit.map((_, layer) => {
    const added = concept.calibration.coefficients[layer] ?? 0;
    return (means[layer] ?? 0) + added - (readings.neutral.mean[layer] ?? 0);
  });
  const within = { ...readings, clamp: { layers, unit } };
  if (message === null || further === null) return withAblation(concept, within, null, trials);
  const reach = level.map((mean, layer) => (rows?.get(layer)?.own ?? mean) - mean);
  return withAblation(concept, within, { ...message, level, reach }, trials);
}

/** Of the projections at every token; null without any. */
function meansOf(
  answers: readonly { readonly projections: readonly Float32Array[] }[],
  length: number,
): readonly number[] | null {
  const sums = new Array<number>(length).fill(0);
  let count = 0;
  for (const { projections } of answers) {
    for (const read of projections) {
      count++;
      for (const [i, value] of read.entries()) sums[i] = (sums[i] as number) + value;
    }
  }
  return count === 0 ? null : sums.map((sum) => sum / count);
}

/** Answers at strength 1, with the projections at the position that each token was chosen from. */
async function steeredAnswers(concept: Concept, trials: StrengthTrials) {
  const { model, signal, maxTokens } = trials.settings;
  const edit = addEverywhere(concept, concept.calibration.coefficients);
  const monitor = [concept.vectors];
  const limit = answersInFlight(model.engine);
  return mapConcurrent(trials.judge.plain.slice(0, read), limit, signal, async (prompt, _, either) => {
    const request = { prompt, maxTokens, sampling: greedy, edit, monitor };
    const { tokens, projections } = await writeAnswer(model, request, either);
    return { prompt, tokens, projections };
  });
}
