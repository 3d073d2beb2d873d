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
import { chosenLayers } from './layer-choice.js';
import { calibrateConcept } from './measure/calibrate.js';
import { recipes } from './recipes/index.js';
import type { LabelledFeatures, OnProgress } from './recipes/recipe.js';
import { limitRows } from './row-limit.js';

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
  checkRecipeLabels(settings);
  const limited = limitRows(settings, model.engine.shape);
  const collected = await recipes[settings.recipe].collect({
    ...limited.settings,
    model,
    signal,
    onProgress,
  });
  const features = { ...collected, details: withWarnings(collected.details, limited.warnings) };
  const concept = await conceptOf(features, settings, model, signal, onProgress, onLayer);
  return settings.calibrate ? calibrateConcept(concept, model, {}, signal, onProgress) : concept;
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
  const { profile = defaultProfile } = settings;
  return createConcept({
    name: settings.name,
    model: model.id,
    modelFingerprint: model.engine.shape.fingerprint,
    layers: depth,
    hiddenSize,
    vectors,
    residualNorms,
    calibration: calibrationRule(profileOf(profile, separations, residualNorms), residualNorms),
    record: {
      recipe: settings.recipe,
      method: settings.method,
      prefix: settings.prefix,
      seed: settings.seed,
      details: {
        ...withWarnings(features.details, sampled(fits)),
        labels: settings.labels,
        profile,
        layers: fits.map(recordOf),
      },
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

function withWarnings(
  details: LabelledFeatures['details'],
  more: readonly string[],
): LabelledFeatures['details'] {
  const warnings = [...recordedWarnings(details), ...more];
  return warnings.length === 0 ? details : { ...details, warnings };
}
