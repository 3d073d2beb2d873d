/**
 * A fit from end to end: the recipe collects labelled activations, the method finds a direction per layer, and
 * what is common to all of them follows: sign (projections rise with the labels), unit length, calibration.
 * The same settings on the same model give the same concept, version and all.
 */
import { type Concept, createConcept } from '../concepts/concept.js';
import { errors } from '../errors.js';
import type { LoadedModel } from '../models/model.js';
import { breather } from './breathe.js';
import { calibrationRule, firstSteeredLayer } from './calibration-rule.js';
import { type MethodName, methods } from './methods/index.js';
import { differenceOfMeans } from './methods/mean-difference.js';
import type { LayerFeatures, Method } from './methods/method.js';
import { norm, orient } from './orient.js';
import { type RecipeName, recipes } from './recipes/index.js';
import type { LabelledFeatures, OnProgress, Recipe, Statements } from './recipes/recipe.js';

export interface FitSettings {
  readonly name: string;
  readonly prefix: string;
  readonly recipe: RecipeName;
  readonly method: MethodName;
  readonly labels: 'hard' | 'soft';
  readonly statements: Statements | undefined;
  readonly maxTokens: number;
  readonly seed: number;
}

/** Classes closer than this share of the residual norm differ by rounding only. */
const leastSeparation = 1e-6;

/** @throws SteerdError when recipe and method do not go with the labels asked for. */
export function checkCombination({ recipe, method, labels }: FitSettings): void {
  if (labels === 'hard') return;
  const known: Record<string, { readonly softLabels: boolean }> = {
    [`recipe ${recipe}`]: recipes[recipe],
    [`method ${method}`]: methods[method],
  };
  const without = Object.keys(known).filter((name) => !known[name]?.softLabels);
  if (without.length === 0) return;
  throw errors.invalidValue('labels', `"hard" with ${without.join(' and ')}`, labels);
}

/**
 * @throws SteerdError fit_impossible and what the recipe throws; the signal's reason when aborted. Nothing is
 *   left running either way.
 */
export async function fitConcept(
  settings: FitSettings,
  model: LoadedModel,
  signal: AbortSignal,
  onProgress: OnProgress = () => {},
): Promise<Concept> {
  checkCombination(settings);
  const recipe: Recipe = recipes[settings.recipe];
  const features = await recipe.collect({
    model,
    prefix: settings.prefix,
    statements: settings.statements,
    maxTokens: settings.maxTokens,
    seed: settings.seed,
    signal,
    onProgress,
  });
  return conceptOf(features, settings, model, signal, onProgress);
}

/** The part after the recipe: labelled features of every layer become a concept. */
async function conceptOf(
  features: LabelledFeatures,
  settings: FitSettings,
  model: LoadedModel,
  signal: AbortSignal,
  onProgress: OnProgress,
): Promise<Concept> {
  const { n, hiddenSize, residualNorms } = features;
  const method: Method = methods[settings.method];
  const depth = features.layers.length;
  const vectors = new Float32Array(depth * hiddenSize);
  const separations = new Float64Array(depth);
  const records: Record<string, unknown>[] = [];
  const breathe = breather(signal);
  for (let layer = firstSteeredLayer; layer < depth; layer++) {
    const rows = features.layers[layer] as Float32Array;
    const hard: LayerFeatures = { rows, n, hiddenSize, labels: features.labels };
    const soft = settings.labels === 'soft' ? features.softLabels?.[layer] : undefined;
    const labelled = soft === undefined ? hard : { ...hard, labels: soft };
    separations[layer] = separation(hard, layer, residualNorms[layer] as number);
    await breathe();
    const { direction, details } = await method.direction(labelled, { seed: settings.seed, signal });
    const oriented = orient(direction, labelled);
    if (oriented === null) throw errors.fitImpossible(`the method found no direction at layer ${layer}`);
    const { unit, r } = oriented;
    vectors.set(unit, layer * hiddenSize);
    records.push({ ...details, layer, r, separation: separations[layer] });
    onProgress('direction', layer + 1 - firstSteeredLayer, depth - firstSteeredLayer);
    await breathe();
  }
  return createConcept({
    name: settings.name,
    model: model.id,
    modelFingerprint: model.engine.shape.fingerprint,
    layers: depth,
    hiddenSize,
    vectors,
    residualNorms,
    calibration: calibrationRule(separations, residualNorms),
    record: {
      recipe: settings.recipe,
      method: settings.method,
      prefix: settings.prefix,
      seed: settings.seed,
      details: { ...features.details, labels: settings.labels, layers: records },
    },
  });
}

/** |d_l|: distance between the means of the two classes. Refuses classes that do not differ. */
function separation(features: LayerFeatures, layer: number, residualNorm: number): number {
  const distance = norm(differenceOfMeans(features));
  if (distance > leastSeparation * residualNorm && Number.isFinite(distance)) return distance;
  throw errors.fitImpossible(
    Number.isFinite(distance)
      ? `positives and negatives give the same activations at layer ${layer}, so no direction tells them apart`
      : `the activations at layer ${layer} are not finite numbers`,
  );
}
