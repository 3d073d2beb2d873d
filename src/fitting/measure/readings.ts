/**
 * Measures a concept's readings: what the tokens of neutral and of told answers read on its directions, without any
 * edit. A token counts at the position whose logits chose it, one before its own: that is where a completion's monitor
 * reads it and where steering acts on its choice. Told answers are read behind the message that they were given after,
 * as the told model saw them.
 */
import { type Concept, hasVector } from '../../concepts/concept.js';
import type { Readings } from '../../concepts/readings.js';
import type { LoadedModel } from '../../models/model.js';
import { calibratedLayers, layersWithVector } from '../../steering/concept-layers.js';
import { auroc, distributionOf } from './reading-statistics.js';

interface AnsweredPrompt {
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
      layers: heldLayers(concept),
      unit: layers.map((layer) => layer.told.mean - layer.neutral.mean),
    },
  };
}

/** Those that are steered, or all that may be. */
export function heldLayers(concept: Concept): readonly number[] {
  const steered = calibratedLayers(concept);
  return steered.length > 0 ? steered : layersWithVector(concept);
}

/** By layer: <h, v> at the positions that chose the answers' tokens. */
export async function projectionsOf(
  concept: Pick<Concept, 'layers' | 'vectors'>,
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
