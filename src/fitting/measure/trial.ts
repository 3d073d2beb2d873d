/**
 * Trials: the model answers prompts, each under its own activation edit, and then scores the answers itself without
 * any edit. A sweep is a list of trials.
 */
import { mapConcurrent } from '../../common/map-concurrent.js';
import type { ActivationEdit, FinishReason, Sampling } from '../../engine/protocol.js';
import type { LoadedModel } from '../../models/model.js';
import { answersInFlight } from '../answers/answers-in-flight.js';
import { writeAnswer } from '../answers/write-answer.js';
import type { OnProgress } from '../recipes/recipe.js';
import { distinct2 } from './fluency.js';

export interface Trial {
  /** Token ids up to where the answer begins. */
  readonly prompt: readonly number[];
  /** The same prompt with the concept stated, or null when nothing states it. */
  readonly stated: readonly number[] | null;
  readonly edit: ActivationEdit;
}

export interface TrialResult {
  /** Of the answer, without the token that ended it. */
  readonly tokens: readonly number[];
  readonly finish: FinishReason;
  /** Mean log-probability of the answer's tokens after `prompt`, unsteered, in nats; null for an empty answer. */
  readonly logProbability: number | null;
  /**
   * How much likelier, in nats per token, the answer is after `stated` than after `prompt`: what the answer shows
   * of the concept, judged by the model alone. Null without `stated` and for an empty answer.
   */
  readonly evidence: number | null;
  readonly distinct2: number;
}

interface TrialOptions {
  readonly maxTokens: number;
  readonly sampling: Sampling;
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
}

/**
 * Runs and judges every trial. Trials that share a prompt should follow each other: judging then reads it once.
 * @returns results in the trials' order.
 * @throws what the engine throws; the signal's reason when aborted. Nothing is left running either way.
 */
export async function runTrials(
  model: LoadedModel,
  trials: readonly Trial[],
  options: TrialOptions,
): Promise<TrialResult[]> {
  const { signal, onProgress, maxTokens, sampling } = options;
  const total = trials.length;
  const limit = answersInFlight(model.engine);
  let answered = 0;
  onProgress('answer', answered, total);
  const answers = await mapConcurrent(trials, limit, signal, async (trial, _, either) => {
    const { prompt, edit } = trial;
    const answer = await writeAnswer(model, { prompt, edit, maxTokens, sampling }, either);
    onProgress('answer', ++answered, total);
    return answer;
  });
  const written = answers.map(({ tokens }) => tokens);
  onProgress('judge', 0, total * 2);
  const plain = await meanLogProbabilities(model, ({ prompt }) => prompt, trials, written, signal);
  onProgress('judge', total, total * 2);
  const stated = await meanLogProbabilities(model, ({ stated }) => stated, trials, written, signal);
  onProgress('judge', total * 2, total * 2);
  return answers.map(({ tokens, finish }, index) => {
    const logProbability = plain[index] ?? null;
    const withConcept = stated[index] ?? null;
    return {
      tokens,
      finish,
      logProbability,
      evidence: logProbability === null || withConcept === null ? null : withConcept - logProbability,
      distinct2: distinct2(tokens),
    };
  });
}

/**
 * Of each trial's answer after the prompt that `promptOf` gives, unsteered, in nats per token; null without a prompt and
 * for an empty answer. Prompts that trials share are read once.
 */
async function meanLogProbabilities(
  model: LoadedModel,
  promptOf: (trial: Trial) => readonly number[] | null,
  trials: readonly Trial[],
  answers: readonly (readonly number[])[],
  signal: AbortSignal,
): Promise<(number | null)[]> {
  const prompts = new Map<string, { readonly place: number; readonly prompt: readonly number[] }>();
  const scored: { readonly trial: number; readonly prompt: number; readonly answer: readonly number[] }[] =
    [];
  for (const [index, trial] of trials.entries()) {
    const prompt = promptOf(trial);
    const answer = answers[index] ?? [];
    if (prompt === null || answer.length === 0) continue;
    const key = prompt.join(' ');
    const known = prompts.get(key) ?? { place: prompts.size, prompt };
    prompts.set(key, known);
    scored.push({ trial: index, prompt: known.place, answer });
  }
  const means: (number | null)[] = trials.map(() => null);
  if (scored.length === 0) return means;
  const scores = await model.engine.scoreMany(
    {
      prompts: [...prompts.values()].map(({ prompt }) => prompt),
      answers: scored.map(({ answer }) => answer),
      pairs: scored.map(({ prompt }, i) => [prompt, i]),
      priority: 'background',
    },
    signal,
  );
  for (const [i, { trial }] of scored.entries()) {
    const values = scores[i] as Float32Array;
    means[trial] = values.reduce((sum, value) => sum + value, 0) / values.length;
  }
  return means;
}
