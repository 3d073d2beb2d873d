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
import { meanOf } from './steering-scores.js';

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

interface MeasuredReadings {
  readonly readings: Readings;
  /** [L] mean of the neutral answers' projections on the further directions; empty without any. */
  readonly further: readonly number[];
}

/**
 * @param further [L * H] directions besides, which neutral answers are read on in the same pass
 * @returns null when no token is on one of the sides: all its answers are empty
 * @throws what the engine throws; the signal's reason when aborted
 */
export async function measureReadings(
  concept: Concept,
  model: LoadedModel,
  { neutral, told, toldBy }: ReadAnswers,
  signal: AbortSignal,
  further: Float32Array | null = null,
): Promise<MeasuredReadings | null> {
  const directions = [concept.vectors, ...(further === null ? [] : [further])];
  const read = await projectionsOf(directions, concept.layers, model, neutral, signal);
  const [low, others] = [read.slice(0, concept.layers), read.slice(concept.layers)];
  const high = await projectionsOf([concept.vectors], concept.layers, model, told, signal);
  const tokens = { neutral: low[0]?.length ?? 0, told: high[0]?.length ?? 0 };
  if (tokens.neutral === 0 || tokens.told === 0) return null;
  const layers = low.map((values, layer) => {
    const above = high[layer] ?? [];
    if (!hasVector(concept, layer)) {
      const nothing = { mean: 0, spread: 0 };
      return { neutral: nothing, told: nothing, auroc: 0.5 };
    }
    return { neutral: distributionOf(values), told: distributionOf(above), auroc: auroc(above, values) };
  });
  const sideOf = (side: 'neutral' | 'told') => ({
    mean: layers.map((layer) => layer[side].mean),
    spread: layers.map((layer) => layer[side].spread),
  });
  const readings: Readings = {
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
  return { readings, further: others.map((values) => meanOf(values) ?? 0) };
}

/** Those that are steered, or all that may be. */
export function heldLayers(concept: Concept): readonly number[] {
  const steered = calibratedLayers(concept);
  return steered.length > 0 ? steered : layersWithVector(concept);
}

/**
 * By direction and layer: <h, v> at the positions that chose the answers' tokens.
 * @param vectors [L * H] each
 */
async function projectionsOf(
  vectors: readonly Float32Array[],
  layers: number,
  model: LoadedModel,
  answers: readonly AnsweredPrompt[],
  signal: AbortSignal,
): Promise<number[][]> {
  const read = Array.from({ length: vectors.length * layers }, (): number[] => []);
  for (const { prompt, answer } of answers) {
    if (answer.length === 0) continue;
    // The answer's last token chooses nothing that is part of it.
    const tokens = [...prompt, ...answer.slice(0, -1)];
    const request = { tokens, vectors, priority: 'background' } as const;
    const projections = await model.engine.project(request, signal);
    for (const [layer, values] of read.entries()) {
      const row = projections.subarray(layer * tokens.length, (layer + 1) * tokens.length);
      values.push(...row.subarray(prompt.length - 1));
    }
  }
  return read;
}
