/**
 * A cap on how strongly one request may steer by one concept, counted in calibrated strength. Raw and norm
 * coefficients are converted by the concept's calibration, layer by layer, and the items of one concept add up; where
 * there is no calibration to convert by, the item is refused. A share taken out (ablate) has no strength.
 */
import type { Concept } from '../concepts/concept.js';
import { errors } from '../errors.js';
import type { AnySteeringItem } from '../schemas/steering.js';

/** Tolerance for the rounding of float32 coefficients, relative to the cap. */
const rounding = 1e-5;

export class StrengthCap {
  /** Strength so far, by the concept's version and layer. */
  readonly #used = new Map<string, Float64Array>();

  constructor(readonly cap: number) {}

  /**
   * Counts an item.
   * @param add [L] the additive coefficients it comes to
   * @throws SteerdError strength_above_cap
   */
  add(item: AnySteeringItem, concept: Concept, add: Float32Array, param: string): void {
    if (item.operation === 'ablate') return;
    if (item.operation === 'amplify') {
      // Factor 1 changes nothing: the cap is on the change.
      if (Math.abs(item.strength - 1) <= this.cap) return;
      throw errors.strengthAboveCap(param, this.cap, `the factor ${item.strength}`);
    }
    const used = this.#used.get(concept.version) ?? new Float64Array(concept.layers);
    this.#used.set(concept.version, used);
    for (const [layer, coefficient] of add.entries()) {
      if (coefficient === 0) continue;
      const { coefficients, negativeRatio } = concept.calibration;
      const one = coefficients[layer] ?? 0;
      const unit = Math.abs(one) * (one * coefficient < 0 ? negativeRatio : 1);
      used[layer] = (used[layer] ?? 0) + Math.abs(coefficient) / unit;
      if ((used[layer] ?? 0) <= this.cap * (1 + rounding)) continue;
      throw errors.strengthAboveCap(
        param,
        this.cap,
        unit === 0
          ? `a coefficient at block ${layer}, where concept ${concept.name} is not calibrated`
          : `${item.strength} with scale "${item.scale}": ${Number((used[layer] ?? 0).toPrecision(4))} in all at block ${layer}`,
      );
    }
  }
}
