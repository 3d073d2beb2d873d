/**
 * A fit from end to end: the recipe collects labelled activations, the method finds a direction per layer, and
 * calibration gives the directions their coefficients. The same settings on the same model give the same concept,
 * version and all.
 */
import { type Concept, createConcept } from '../concepts/concept.js';
import { recordedWarnings } from '../concepts/fit-record.js';
import type { LoadedModel } from '../models/model.js';
import { defaultProfile } from '../schemas/fit-choices.js';
import { calibrationRule, profileOf } from './calibration-rule.js';
import type { LayerFit, LayerTask } from './fit-layer.js';
import { fitLayers } from './fit-layers.js';
import { checkRecipeLabels, type FitSettings } from './fit-settings.js';
import { featuresOnce } from './known-features.js';
import { chosenLayers } from './layer-choice.js';
import { calibrateConcept } from './measure/calibrate.js';
import { recipes } from './recipes/index.js';
import type { LabelledFeatures, OnProgress } from './recipes/recipe.js';
import { limitRows } from './row-limit.js';

/**
 * What one recipe with one method gives; fit-best.ts chooses among several.
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
  const features = await featuresOnce(settings, model.engine.shape, () =>
    featuresOf(settings, model, signal, onProgress),
  );
  const concept = await conceptOf(features, settings, model, signal, onProgress, onLayer);
  return settings.calibrate ? calibrateConcept(concept, model, {}, signal, onProgress) : concept;
}

/** What the recipe reads: it depends on neither the method nor the profile. */
export async function featuresOf(
  settings: FitSettings,
  model: LoadedModel,
  signal: AbortSignal,
  onProgress: OnProgress,
): Promise<LabelledFeatures> {
  checkRecipeLabels(settings);
  const limited = limitRows(settings, model.engine.shape);
  const collected = await recipes[settings.recipe].collect({
    ...limited.settings,
    model,
    signal,
    onProgress,
  });
  return { ...collected, details: withWarnings(collected.details, limited.warnings) };
}

/** What follows the recipe: from every layer's labelled features to a concept, calibrated by the rule. */
export async function conceptOf(
  features: LabelledFeatures,
  settings: FitSettings,
  model: LoadedModel,
  signal: AbortSignal,
  onProgress: OnProgress = () => {},
  onLayer: (fit: LayerFit) => void = () => {},
): Promise<Concept> {
  return conceptFrom(await directionsOf(features, settings, signal, onProgress, onLayer), settings, model);
}

/** What a method finds: everything of a concept but how its layers compare. */
export interface Directions {
  readonly hiddenSize: number;
  /** [L * H] unit rows; zero where no vector was asked for. */
  readonly vectors: Float32Array;
  /** [L] between the class means along the layer's vector; NaN for a layer without one. */
  readonly separations: Float64Array;
  /** [L] */
  readonly residualNorms: Float32Array;
  /** For the concept's record. */
  readonly details: Readonly<Record<string, unknown>>;
  readonly layers: readonly Readonly<Record<string, unknown>>[];
}

export async function directionsOf(
  features: LabelledFeatures,
  settings: FitSettings,
  signal: AbortSignal,
  onProgress: OnProgress,
  onLayer: (fit: LayerFit) => void,
): Promise<Directions> {
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
  const separations = new Float64Array(depth).fill(Number.NaN);
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
  const details = withWarnings(features.details, sampled(fits));
  return { hiddenSize, vectors, separations, residualNorms, details, layers: fits.map(recordOf) };
}

/**
 * A concept of the settings' profile, calibrated by the rule.
 * @throws SteerdError fit_impossible when the profile gives no layer a coefficient
 */
export function conceptFrom(found: Directions, settings: FitSettings, model: LoadedModel): Concept {
  const { hiddenSize, vectors, separations, residualNorms, details, layers } = found;
  const { profile = defaultProfile } = settings;
  return createConcept({
    name: settings.name,
    model: model.id,
    modelFingerprint: model.engine.shape.fingerprint,
    layers: separations.length,
    hiddenSize,
    vectors,
    residualNorms,
    calibration: calibrationRule(profileOf(profile, separations, residualNorms), residualNorms),
    record: {
      recipe: settings.recipe,
      method: settings.method,
      prefix: settings.prefix,
      seed: settings.seed,
      details: { ...details, labels: settings.labels, profile, layers },
    },
  });
}

/** What methods say of rows that they left out. */
function sampled(fits: readonly LayerFit[]): string[] {
  const { taught_rows: taught, of_rows: all } = fits[0]?.record ?? {};
  if (taught === undefined) return [];
  return [
    `The method was taught by ${taught} of ${all} examples, evenly spread over both sides: its time grows with their cube. The others settle the sign and the profile.`,
  ];
}

/** Details of a record with more for its reader to know. */
export function withWarnings(
  details: Readonly<Record<string, unknown>>,
  more: readonly string[],
): Readonly<Record<string, unknown>> {
  const warnings = [...recordedWarnings(details), ...more];
  return warnings.length === 0 ? details : { ...details, warnings };
}
