/**
 * The readings of a calibrated concept: where plain and told answers lie on its directions, and what `clamp` holds at
 * strength 1: what the stream reads under addition at strength 1, so that both read alike. Told answers lie several times
 * farther out, for what they differ in is more than the concept.
 */

import { mapConcurrent } from '../../common/map-concurrent.js';
import type { Concept } from '../../concepts/concept.js';
import type { Readings } from '../../concepts/readings.js';
import { greedy } from '../../engine/protocol.js';
import { answersInFlight } from '../answers/answers-in-flight.js';
import { writeAnswer } from '../answers/write-answer.js';
import { measureReadings } from './readings.js';
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
  const steered = await steeredAnswers(concept, trials);
  const told =
    trials.judge.told === null
      ? steered.map(({ prompt, tokens }) => ({ prompt, answer: tokens }))
      : behind(trials.judge.told, toldAnswers);
  const readings = await measureReadings(
    concept,
    model,
    {
      neutral: behind(trials.judge.plain, plainAnswers),
      told,
      toldBy: trials.judge.told === null ? 'steering' : 'message',
    },
    signal,
  );
  if (readings === null) return null;
  const sums = new Float64Array(concept.layers);
  let count = 0;
  for (const { projections } of steered) {
    for (const at of projections) {
      count++;
      for (const [layer, value] of at.entries()) sums[layer] = (sums[layer] as number) + value;
    }
  }
  if (count === 0) return readings;
  // Projections are of the stream before a block's own addition.
  const unit = readings.clamp.unit.map((_, layer) => {
    const added = concept.calibration.coefficients[layer] ?? 0;
    return (sums[layer] as number) / count + added - (readings.neutral.mean[layer] ?? 0);
  });
  return { ...readings, clamp: { ...readings.clamp, unit } };
}

/** Answers at strength 1, with the projections at the position that each token was chosen from. */
async function steeredAnswers(concept: Concept, trials: StrengthTrials) {
  const { model, signal, maxTokens } = trials.settings;
  const edit = addEverywhere(concept, concept.calibration.coefficients);
  const limit = answersInFlight(model.engine);
  return mapConcurrent(trials.judge.plain.slice(0, read), limit, signal, async (prompt, _, either) => {
    const request = { prompt, maxTokens, sampling: greedy, edit, monitor: [concept.vectors] };
    const { tokens, projections } = await writeAnswer(model, request, either);
    return { prompt, tokens, projections };
  });
}
