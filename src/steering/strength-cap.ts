/**
 * A cap on how strongly one request may steer by one concept, counted in calibrated strength: an addition by the
 * concept's coefficients, a held projection by the unit of `clamp`, layer by layer, and the items of one concept add up.
 * Raw and norm values are converted by the same; where there is nothing to convert by, the item is refused. What is
 * moved to the ablated level (ablate in calibrated units) has no strength.
 */
import type { Concept } from '../concepts/concept.js';
import { ablatedLevel } from '../concepts/readings.js';
import { errors } from '../errors.js';
import type { AnySteeringItem } from '../schemas/steering.js';
import { type HeldProjection, isCentred } from './held-projection.js';

/** Tolerance for the rounding of float32 coefficients, relative to the cap. */
const rounding = 1e-5;

export class StrengthCap {
  /** Strength so far, by the concept's version and layer. */
  readonly #used = new Map<string, Float64Array>();

  constructor(readonly cap: number) {}

  /**
   * Counts an addition.
   * @param add [L] its coefficients
   * @throws SteerdError strength_above_cap
   */
  add(item: AnySteeringItem, concept: Concept, add: Float32Array, param: string): void {
    const { coefficients, negativeRatio } = concept.calibration;
    for (const [layer, coefficient] of add.entries()) {
      const one = coefficients[layer] ?? 0;
      const unit = Math.abs(one) * (one * coefficient < 0 ? negativeRatio : 1);
      this.#count(item, concept, layer, coefficient, unit, param);
    }
  }

  /**
   * Counts ablate, clamp or amplify: how far from the ablated level it moves a projection that stands there, and for amplify the
   * factor too, since what it moves is what is there. Factor 1 changes nothing: the cap is on the change.
   * @throws SteerdError strength_above_cap
   */
  hold(item: AnySteeringItem, { concept, layers, share, target }: HeldProjection, param: string): void {
    if (item.operation === 'amplify' && Math.abs(share) > this.cap * (1 + rounding)) {
      throw errors.strengthAboveCap(param, this.cap, `the factor ${item.strength}`);
    }
    // In calibrated units neither goes further than ablation, which takes away.
    if (isCentred(item) && item.operation !== 'clamp') return;
    const { readings } = concept;
    const level = readings === null ? [] : ablatedLevel(readings);
    for (const layer of layers) {
      const moved = share * ((target[layer] ?? 0) - (level[layer] ?? Number.NaN));
      const unit = Math.abs(readings?.clamp.unit[layer] ?? 0);
      this.#count(item, concept, layer, share === 0 ? 0 : moved, unit, param);
    }
  }

  #count(
    item: AnySteeringItem,
    concept: Concept,
    layer: number,
    change: number,
    unit: number,
    param: string,
  ): void {
    if (change === 0) return;
    const used = this.#used.get(concept.version) ?? new Float64Array(concept.layers);
    this.#used.set(concept.version, used);
    used[layer] = (used[layer] ?? 0) + Math.abs(change) / unit;
    if ((used[layer] ?? 0) <= this.cap * (1 + rounding)) return;
    throw errors.strengthAboveCap(
      param,
      this.cap,
      unit === 0
        ? `a coefficient at block ${layer}, where concept ${concept.name} is not calibrated`
        : `${item.strength} with scale "${item.scale}": ${Number((used[layer] ?? 0).toPrecision(4))} in all at block ${layer}`,
    );
  }
}
