/**
 * Measures a concept's readings: what the tokens of neutral and of told answers read on its directions, without any
 * edit. A token counts at the position whose logits chose it, one before its own: that is where a completion's monitor
 * reads it and where steering acts on its choice. Told answers are read behind the message that they were given after,
 * as the told model saw them.
 */
import { mapConcurrent } from '../../common/map-concurrent.js';
import { type Concept, hasVector } from '../../concepts/concept.js';
import type { Readings } from '../../concepts/readings.js';
import { greedy } from '../../engine/protocol.js';
import type { LoadedModel } from '../../models/model.js';
import { calibratedLayers, layersWithVector } from '../../steering/concept-layers.js';
import { auroc, distributionOf } from './reading-statistics.js';
import { answerOf, type Trial } from './trial.js';
import type { PromptPair } from './trial-prompts.js';

export interface AnsweredPrompt {
  /** Token ids up to where the answer begins; for a told answer with what told it. */
  readonly prompt: readonly number[];
  readonly answer: readonly number[];
}

interface ReadAnswers {
  readonly neutral: readonly AnsweredPrompt[];
  readonly told: readonly AnsweredPrompt[];
  readonly toldBy: Readings['toldBy'];
}

/**
 * @returns null when no token is on one of the sides: all its answers are empty
 * @throws what the engine throws; the signal's reason when aborted
 */
export async function measureReadings(
  concept: Concept,
  model: LoadedModel,
  { neutral, told, toldBy }: ReadAnswers,
  signal: AbortSignal,
): Promise<Readings | null> {
  const low = await projectionsOf(concept, model, neutral, signal);
  const high = await projectionsOf(concept, model, told, signal);
  const tokens = { neutral: low[0]?.length ?? 0, told: high[0]?.length ?? 0 };
  if (tokens.neutral === 0 || tokens.told === 0) return null;
  const layers = low.map((values, layer) => {
    const others = high[layer] ?? [];
    if (!hasVector(concept, layer)) {
      const nothing = { mean: 0, spread: 0 };
      return { neutral: nothing, told: nothing, auroc: 0.5 };
    }
    return { neutral: distributionOf(values), told: distributionOf(others), auroc: auroc(others, values) };
  });
  const sideOf = (side: 'neutral' | 'told') => ({
    mean: layers.map((layer) => layer[side].mean),
    spread: layers.map((layer) => layer[side].spread),
  });
  const steered = calibratedLayers(concept);
  return {
    neutral: sideOf('neutral'),
    told: sideOf('told'),
    auroc: layers.map((layer) => layer.auroc),
    bestLayer: layersWithVector(concept).reduce((best, layer) =>
      (layers[layer]?.auroc ?? 0) > (layers[best]?.auroc ?? 0) ? layer : best,
    ),
    toldBy,
    tokens,
    clamp: {
      layers: steered.length > 0 ? steered : layersWithVector(concept),
      unit: layers.map((layer) => layer.told.mean - layer.neutral.mean),
    },
  };
}

interface AnswersToMake {
  readonly prompts: readonly PromptPair[];
  readonly maxTokens: number;
  /** Token ids of the unsteered answers by prompt, for who has them already. */
  readonly neutral?: readonly (readonly number[])[];
}

/**
 * The same from prompts alone: the model answers them plainly and told (greedily, as background work). A prompt that
 * nothing states the concept to is answered under the concept at strength 1 instead.
 * @param concept with the calibration of strength 1
 */
export async function answerAndMeasureReadings(
  concept: Concept,
  model: LoadedModel,
  { prompts, maxTokens, neutral }: AnswersToMake,
  signal: AbortSignal,
): Promise<Readings | null> {
  const toldBy = prompts.every(({ stated }) => stated !== null) ? 'message' : 'steering';
  const strengthOne = {
    vectors: concept.vectors,
    add: concept.calibration.coefficients,
    scale: new Float32Array(concept.layers),
    from: 0,
    to: Number.POSITIVE_INFINITY,
  };
  const answers = async (trials: readonly Trial[]) => {
    const options = { maxTokens, sampling: greedy, signal, onProgress: () => {} };
    return mapConcurrent(trials, inFlight, signal, async (trial, _, either) => ({
      prompt: trial.told ? (trial.stated ?? trial.prompt) : trial.prompt,
      answer: (await answerOf(model, trial, options, either)).tokens,
    }));
  };
  const told = await answers(
    prompts.map((pair) =>
      toldBy === 'message' ? { ...pair, edit: [], told: true } : { ...pair, edit: [strengthOne] },
    ),
  );
  const plain = neutral
    ? prompts.map(({ prompt }, i) => ({ prompt, answer: neutral[i] ?? [] }))
    : await answers(prompts.map((pair) => ({ ...pair, edit: [] })));
  return measureReadings(concept, model, { neutral: plain, told, toldBy }, signal);
}

/** Half the usual slots: what background work may take. */
const inFlight = 4;

/** By layer: <h, v> at the positions that chose the answers' tokens. */
async function projectionsOf(
  concept: Concept,
  model: LoadedModel,
  answers: readonly AnsweredPrompt[],
  signal: AbortSignal,
): Promise<number[][]> {
  const { layers, vectors } = concept;
  const read = Array.from({ length: layers }, (): number[] => []);
  for (const { prompt, answer } of answers) {
    if (answer.length === 0) continue;
    // The answer's last token chooses nothing that is part of it.
    const tokens = [...prompt, ...answer.slice(0, -1)];
    const request = { tokens, vectors: [vectors], priority: 'background' } as const;
    const projections = await model.engine.project(request, signal);
    for (const [layer, values] of read.entries()) {
      const row = projections.subarray(layer * tokens.length, (layer + 1) * tokens.length);
      values.push(...row.subarray(prompt.length - 1));
    }
  }
  return read;
}
