/**
 * How many measurements (sweeps and calibrations) run at once. Their sequences have background priority, which has no
 * queue of its own: more than a few would slow each other down until all miss their deadline.
 */
import { errors } from '../../errors.js';

export class MeasurementLimit {
  #running = 0;
  /** Smoothed seconds that one takes: what Retry-After is estimated from. */
  #seconds = 10;

  /** @param most at once */
  constructor(readonly most: number) {}

  get running(): number {
    return this.#running;
  }

  /**
   * What `measure` gives.
   * @throws SteerdError measurements_full, before `measure` is called; what `measure` throws.
   */
  async run<Result>(measure: () => Promise<Result>): Promise<Result> {
    if (this.#running >= this.most) {
      throw errors.measurementsFull(this.most, Math.min(60, Math.max(1, Math.ceil(this.#seconds))));
    }
    this.#running++;
    const started = performance.now();
    try {
      const result = await measure();
      this.#seconds += ((performance.now() - started) / 1000 - this.#seconds) / 4;
      return result;
    } finally {
      this.#running--;
    }
  }
}
