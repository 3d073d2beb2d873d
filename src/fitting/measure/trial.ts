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
  // Scored one after the other, first all plain and then all stated, so that neighbours share a prefix in the KV cache.
  let judged = 0;
  const judgements = total * 2;
  onProgress('judge', judged, judgements);
  const judge = async (promptOf: (trial: Trial) => readonly number[] | null) => {
    const means: (number | null)[] = [];
    for (const [index, trial] of trials.entries()) {
      const prompt = promptOf(trial);
      const tokens = answers[index]?.tokens ?? [];
      const scored = prompt !== null && tokens.length > 0;
      means.push(scored ? await meanLogProbability(model, prompt, tokens, signal) : null);
      onProgress('judge', ++judged, judgements);
    }
    return means;
  };
  const plain = await judge((trial) => trial.prompt);
  const stated = await judge((trial) => trial.stated);
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

async function meanLogProbability(
  model: LoadedModel,
  prompt: readonly number[],
  answer: readonly number[],
  signal: AbortSignal,
): Promise<number> {
  const scores = await model.engine.score(
    {
      tokens: [...prompt, ...answer],
      from: prompt.length,
      shared: prompt.length - 1,
      edit: [],
      priority: 'background',
    },
    signal,
  );
  return scores.reduce((sum, value) => sum + value, 0) / scores.length;
}
