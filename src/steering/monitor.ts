/**
 * From the concepts that a request monitors to the directions the engine reads, and from the engine's projections
 * p_l = <h_l, v_l> to numbers that can be compared.
 *
 * Scale "calibrated": sum_l w_l (p_l - mu0_l) / sum_l w_l (mu1_l - mu0_l), 0 for the mean neutral token and 1 for the
 * mean told one. The weights w_l = (mu1_l - mu0_l) / s_l^2, with s_l^2 the mean of both variances, are Fisher's linear
 * discriminant for layers taken as independent: a layer that does not tell the two apart hardly counts, where a plain
 * mean of (p - mu0) / (mu1 - mu0) would blow its noise up.
 * Scale "norm": (1 / |layers|) sum_l p_l / n_l, with n_l the layer's mean residual norm as the concept's fit saw it; or
 * n_l = 1 (scale "raw").
 */
import type { Concept } from '../concepts/concept.js';
import { errors } from '../errors.js';
import type { MonitorItem, MonitorReceipt } from '../schemas/monitor.js';
import { calibratedLayers, layersOf, layersWithVector } from './concept-layers.js';
import { type ItemContext, itemConcept } from './item-concept.js';

/** In one reply: about 15 MB of JSON. */
const mostLayerValues = 2_000_000;

/** Least standard deviation of the tokens that a layer's weight is computed with, in distances of the two means. */
const leastSpread = 0.05;

export interface Monitor {
  /** [L * H] */
  readonly vectors: Float32Array;
  readonly receipt: MonitorReceipt;
  /** Per layer of the receipt: what its projection is multiplied by in the sum. */
  readonly weights: readonly number[];
  /** What the sum begins with. */
  readonly offset: number;
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
 * @throws SteerdError concept_not_found, concept_mismatch, concept_not_measured, invalid_value
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
    const scale = item.scale ?? usualScale(concept, layers);
    return {
      vectors: concept.vectors,
      receipt: {
        concept: 'vectors' in item ? (item.name ?? null) : concept.name,
        version: concept.version,
        scale,
        layers: [...layers],
      },
      ...linear(scale, concept, layers, param),
      perLayer: item.detail === 'layers',
    };
  });
}

/** The first unit that the concept has: vectors from elsewhere often come without residual norms. */
function usualScale(
  { readings, residualNorms }: Concept,
  layers: readonly number[],
): MonitorReceipt['scale'] {
  if (readings !== null) return 'calibrated';
  return layers.every((layer) => (residualNorms[layer] ?? 0) > 0) ? 'norm' : 'raw';
}

/** Reading needs no calibration: without one, the default is every layer that has a direction. */
function monitoredLayers({ layers }: MonitorItem, concept: Concept, param: string): readonly number[] {
  const uncalibrated = layers === 'default' && calibratedLayers(concept).length === 0;
  return uncalibrated && layersWithVector(concept).length > 0
    ? layersWithVector(concept)
    : layersOf(layers, concept, param);
}

type Linear = Pick<Monitor, 'weights' | 'offset'>;

function linear(
  scale: MonitorReceipt['scale'],
  concept: Concept,
  layers: readonly number[],
  param: string,
): Linear {
  if (scale === 'calibrated') return discriminant(concept, layers, `${param}.scale`);
  const units = layers.map((layer) => (scale === 'raw' ? 1 : residualNorm(concept, layer, param)));
  return { weights: units.map((unit) => 1 / (unit * layers.length)), offset: 0 };
}

function discriminant({ name, readings }: Concept, layers: readonly number[], param: string): Linear {
  if (readings === null) {
    throw errors.conceptNotMeasured(name, 'scale calibrated', 'scale "norm" or "raw"', param);
  }
  const { neutral, told } = readings;
  const each = layers.map((layer) => {
    const mean = neutral.mean[layer] ?? 0;
    const apart = (told.mean[layer] ?? 0) - mean;
    const variance = ((neutral.spread[layer] ?? 0) ** 2 + (told.spread[layer] ?? 0) ** 2) / 2;
    // Answers that all read the same say that little was read, not that the layer is infinitely sure.
    return { mean, apart, weight: apart / Math.max(variance, (leastSpread * apart) ** 2) };
  });
  const whole = each.reduce((sum, { apart, weight }) => sum + (apart === 0 ? 0 : apart * weight), 0);
  if (whole === 0) {
    throw errors.invalidValue(
      param,
      `"norm" or "raw" here: told answers read on concept ${name} what neutral ones do at these layers`,
      'calibrated',
    );
  }
  const weights = each.map(({ apart, weight }) => (apart === 0 ? 0 : weight / whole));
  return { weights, offset: each.reduce((sum, { mean }, i) => sum - mean * (weights[i] ?? 0), 0) };
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
  return monitors.map(({ receipt: { layers }, weights, offset, perLayer }, m) => {
    const projections = layers.map((layer) => at(m, layer));
    const value = projections.reduce(
      (sum, projection, i) => sum + projection * (weights[i] as number),
      offset,
    );
    return { value: short(value), layers: perLayer ? projections.map(short) : null };
  });
}

/** Rounds to seven significant digits, the precision of float32. */
export const short = (value: number): number => Number(value.toPrecision(7));
