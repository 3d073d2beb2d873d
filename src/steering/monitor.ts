/**
 * From the concepts that a request monitors to the directions the engine reads, and from the engine's projections
 * to numbers that can be compared: (1 / |layers|) sum_l <h_l, v_l> / n_l, with n_l the layer's mean residual norm
 * as the concept's fit saw it (scale "norm"), or n_l = 1 (scale "raw").
 */
import type { Concept } from '../concepts/concept.js';
import { errors } from '../errors.js';
import type { MonitorItem, MonitorReceipt } from '../schemas/monitor.js';
import { calibratedLayers, layersOf, layersWithVector } from './concept-layers.js';
import { type ItemContext, itemConcept } from './item-concept.js';

/** In one reply: about 15 MB of JSON. */
const mostLayerValues = 2_000_000;

export interface Monitor {
  /** [L * H] */
  readonly vectors: Float32Array;
  readonly receipt: MonitorReceipt;
  /** Per layer of the receipt: what its projection is multiplied by in the sum. */
  readonly weights: readonly number[];
  /** Whether the projections themselves were asked for. */
  readonly perLayer: boolean;
}

/** The reading of one concept at one token. */
export interface Reading {
  readonly value: number;
  /** <h, v> at each of the monitor's layers, when asked for. */
  readonly layers: readonly number[] | null;
}

/**
 * @param field the request's list, for errors
 * @throws SteerdError concept_not_found, concept_mismatch, invalid_value
 */
export function resolveMonitors(
  items: readonly MonitorItem[],
  context: ItemContext,
  field = 'monitor',
): readonly Monitor[] {
  return items.map((item, i) => {
    const param = `${field}.${i}`;
    // An item may be no more than a concept's name.
    const concept = itemConcept(item, 'monitor', context, (name) =>
      name === 'concept' ? param : `${param}.${name}`,
    );
    const layers = monitoredLayers(item, concept, `${param}.layers`);
    const units = layers.map((layer) => (item.scale === 'raw' ? 1 : residualNorm(concept, layer, param)));
    return {
      vectors: concept.vectors,
      receipt: {
        concept: 'vectors' in item ? (item.name ?? null) : concept.name,
        version: concept.version,
        scale: item.scale,
        layers: [...layers],
      },
      weights: units.map((unit) => 1 / (unit * layers.length)),
      perLayer: item.detail === 'layers',
    };
  });
}

/** Reading needs no calibration: without one, the default is every layer that has a direction. */
function monitoredLayers({ layers }: MonitorItem, concept: Concept, param: string): readonly number[] {
  const uncalibrated = layers === 'default' && calibratedLayers(concept).length === 0;
  return uncalibrated && layersWithVector(concept).length > 0
    ? layersWithVector(concept)
    : layersOf(layers, concept, param);
}

function residualNorm(concept: Concept, layer: number, param: string): number {
  const norm = concept.residualNorms[layer] ?? 0;
  if (norm > 0) return norm;
  throw errors.invalidValue(
    `${param}.scale`,
    `"raw" at layer ${layer}, for which concept ${concept.name} knows no residual norm`,
    'norm',
  );
}

/**
 * Bounds what detail "layers" asks for.
 * @throws SteerdError invalid_value for `field`, with what to do `instead`
 */
export function checkLayerValues(
  monitors: readonly Monitor[],
  tokens: number,
  field: string,
  instead: string,
): void {
  const layers = monitors.filter(({ perLayer }) => perLayer).flatMap(({ receipt }) => receipt.layers);
  const values = layers.length * tokens;
  if (values <= mostLayerValues) return;
  throw errors.invalidRequest(
    `${field} with detail "layers" must come to at most ${mostLayerValues} values in all; ${values} could come: ${instead}.`,
    field,
  );
}

/**
 * Readings of one token or position, one per monitor.
 * @param at the projection of the m-th direction at a layer
 */
export function readings(
  monitors: readonly Monitor[],
  at: (m: number, layer: number) => number,
): readonly Reading[] {
  return monitors.map(({ receipt: { layers }, weights, perLayer }, m) => {
    const projections = layers.map((layer) => at(m, layer));
    const value = projections.reduce((sum, projection, i) => sum + projection * (weights[i] as number), 0);
    return { value: short(value), layers: perLayer ? projections.map(short) : null };
  });
}

/** Rounds to seven significant digits, the precision of float32. */
export const short = (value: number): number => Number(value.toPrecision(7));
