/** Which of a concept's blocks a request means: by default, all, listed, a range, or those with the strongest claim. */
import { type Concept, hasVector } from '../concepts/concept.js';
import { attentionRecord, layerRecords, topLayers } from '../concepts/fit-record.js';
import { errors } from '../errors.js';
import type { SteeringLayers } from '../schemas/steering.js';

const everyLayer = ({ layers }: Concept) => Array.from({ length: layers }, (_, layer) => layer);

/** The blocks at which the concept has a direction, ascending. */
export const layersWithVector = (concept: Concept) =>
  everyLayer(concept).filter((layer) => hasVector(concept, layer));

/** The blocks steered at strength 1 unless a request says otherwise, ascending; none for an uncalibrated concept. */
export const calibratedLayers = (concept: Concept) =>
  everyLayer(concept).filter((layer) => concept.calibration.coefficients[layer] !== 0);

/**
 * The blocks asked for, ascending; the concept has a vector at each.
 * @param param the request's field
 * @throws SteerdError invalid_value
 */
export function layersOf(asked: SteeringLayers, concept: Concept, param: string): readonly number[] {
  if (asked === 'default' || asked === 'all') {
    const layers = asked === 'all' ? layersWithVector(concept) : calibratedLayers(concept);
    if (layers.length === 0) {
      throw errors.invalidValue(
        param,
        asked === 'all'
          ? `another: concept ${concept.name} has no vector at any layer`
          : `named, with scale "raw" or "norm": concept ${concept.name} has no calibration to choose them by`,
        asked,
      );
    }
    for (const layer of layers) requireVector(concept, layer, param);
    return layers;
  }
  if ('top' in asked) return strongest(asked.top, concept, param);
  const layers = layerList(asked);
  for (const layer of layers) {
    if (layer >= concept.layers) {
      throw errors.invalidValue(
        param,
        `block numbers from 0 to ${concept.layers - 1} for model ${concept.model}`,
        layer,
      );
    }
    requireVector(concept, layer, param);
  }
  return layers;
}

/** Each once, the lowest first. */
export const ascendingLayers = (layers: Iterable<number>): number[] =>
  [...new Set(layers)].sort((a, b) => a - b);

function layerList(layers: readonly number[] | { readonly from: number; readonly to: number }): number[] {
  if ('from' in layers) {
    // The range is read only as far as one block past any model's depth: enough to be refused by name.
    const to = Math.min(layers.to, layers.from + 4096);
    return Array.from({ length: to - layers.from + 1 }, (_, i) => layers.from + i);
  }
  return ascendingLayers(layers);
}

/**
 * The `count` blocks whose attention to the concept is significant in most heads, as a fit with `layers.top` takes
 * them; for a recipe without attention, those whose projections went best with the labels that the fit held back.
 */
function strongest(count: number, concept: Concept, param: string): readonly number[] {
  const candidates = layersWithVector(concept);
  if (count > candidates.length) {
    throw errors.invalidValue(
      `${param}.top`,
      `at most ${candidates.length}, the layers for which concept ${concept.name} has a vector`,
      count,
    );
  }
  const records = layerRecords(concept);
  const heads = candidates.map((layer) => records?.get(layer)?.significant_heads);
  const correlations = candidates.map((layer) => {
    const entry = records?.get(layer);
    return entry?.validation_r ?? entry?.r;
  });
  const byLayer = (values: readonly (number | undefined)[]) => {
    const all = new Array<number>(concept.layers).fill(0);
    for (const [i, layer] of candidates.entries()) all[layer] = values[i] ?? 0;
    return all;
  };
  if (heads.every((share) => share !== undefined)) {
    return topLayers(count, byLayer(heads), attentionAtToken(concept) ?? byLayer(correlations), candidates);
  }
  if (correlations.every((r) => r !== undefined)) {
    return topLayers(count, byLayer(correlations.map(Math.abs)), [], candidates);
  }
  throw errors.invalidValue(
    param,
    `"default", "all", a list or a range: the record of concept ${concept.name} does not say how its layers compare`,
    JSON.stringify({ top: count }),
  );
}

/** [L] attention to the prefix of the token read. */
function attentionAtToken(concept: Concept): number[] | null {
  const record = attentionRecord(concept);
  const map = record?.map;
  if (!record || !map) return null;
  return map.map((row, layer) => row[record.candidates.indexOf(record.chosen[layer] ?? 0)] ?? 0);
}

function requireVector(concept: Concept, layer: number, param: string): void {
  if (hasVector(concept, layer)) return;
  throw errors.invalidValue(
    param,
    `layers for which concept ${concept.name} has a vector; it has none at this one`,
    layer,
  );
}
