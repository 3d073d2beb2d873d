/**
 * A fit from end to end: the recipe collects labelled activations, the method finds a direction per layer, and
 * what is common to all of them follows: sign (projections rise with the labels), unit length, calibration.
 * The same settings on the same model give the same concept, version and all.
 */
import { type Concept, createConcept } from '../concepts/concept.js';
import { errors } from '../errors.js';
import type { LoadedModel } from '../models/model.js';
import { calibrationRule } from './calibration-rule.js';
import { calibrateConcept } from './measure/calibrate.js';
import { fitLayers } from './methods/fit-layers.js';
import type { MethodName } from './methods/index.js';
import type { LayerFit, LayerTask } from './methods/layer-fit.js';
import { type RecipeName, recipes } from './recipes/index.js';
import { chosenLayers, type LayerChoice } from './recipes/layer-choice.js';
import type { Examples, LabelledFeatures, Labels, OnProgress, Recipe, Statements } from './recipes/recipe.js';

export interface FitSettings {
  readonly name: string;
  readonly prefix: string;
  readonly recipe: RecipeName;
  readonly method: MethodName;
  readonly labels: Labels;
  readonly statements: Statements | undefined;
  /** For recipe `examples`. */
  readonly examples?: Examples | undefined;
  /** Offset from the end of the token read; the recipe's own choice without. */
  readonly token?: number | undefined;
  /** Default: all that can be steered. */
  readonly layers?: LayerChoice | undefined;
  readonly maxTokens: number;
  /** Whether strength 1 is measured or left to the rule. */
  readonly calibrate: boolean;
  readonly seed: number;
}

/** @throws SteerdError when the recipe does not give the labels asked for. Every method takes either. */
export function checkCombination({ recipe, labels }: FitSettings): void {
  const { softLabels }: Recipe = recipes[recipe];
  if (labels === 'hard' || softLabels) return;
  throw errors.invalidValue('labels', `"hard" with recipe ${recipe}`, labels);
}

/**
 * @param onLayer hears of every layer as it is fitted, in no fixed order: seconds and record, for the job.
 * @throws SteerdError fit_impossible and what the recipe throws; the signal's reason when aborted. Nothing is
 *   left running either way.
 */
export async function fitConcept(
  settings: FitSettings,
  model: LoadedModel,
  signal: AbortSignal,
  onProgress: OnProgress = () => {},
  onLayer: (fit: LayerFit) => void = () => {},
): Promise<Concept> {
  checkCombination(settings);
  const recipe: Recipe = recipes[settings.recipe];
  const features = await recipe.collect({
    model,
    prefix: settings.prefix,
    statements: settings.statements,
    examples: settings.examples,
    token: settings.token,
    labels: settings.labels,
    maxTokens: settings.maxTokens,
    seed: settings.seed,
    signal,
    onProgress,
  });
  const concept = await conceptOf(features, settings, model, signal, onProgress, onLayer);
  return settings.calibrate ? calibrateConcept(concept, model, {}, signal, onProgress) : concept;
}

/** The part after the recipe: labelled features of every layer become a concept. */
export async function conceptOf(
  features: LabelledFeatures,
  settings: FitSettings,
  model: LoadedModel,
  signal: AbortSignal,
  onProgress: OnProgress = () => {},
  onLayer: (fit: LayerFit) => void = () => {},
): Promise<Concept> {
  const { n, hiddenSize, residualNorms } = features;
  const depth = features.layers.length;
  const layers = chosenLayers(settings.layers ?? 'all', depth, features.attention);
  const tasks = layers.map((layer): LayerTask => {
    const softLabels = settings.labels === 'soft' ? (features.softLabels?.[layer] ?? null) : null;
    const rows = features.layers[layer] as Float32Array;
    const { method } = settings;
    return { layer, method, features: { rows, n, hiddenSize, labels: features.labels, softLabels } };
  });
  const vectors = new Float32Array(depth * hiddenSize);
  const separations = new Float64Array(depth);
  const recordOf = ({ layer, record }: LayerFit) => ({ ...features.layerDetails?.[layer], ...record });
  let done = 0;
  onProgress('direction', done, tasks.length);
  const fits = await fitLayers(tasks, signal, (fit) => {
    onProgress('direction', ++done, tasks.length);
    onLayer({ ...fit, record: recordOf(fit) });
  });
  for (const { layer, unit, separation } of fits) {
    vectors.set(unit, layer * hiddenSize);
    separations[layer] = separation;
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
      details: { ...features.details, labels: settings.labels, layers: fits.map(recordOf) },
    },
  });
}
