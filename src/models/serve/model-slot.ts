/**
 * One model's place in the server: loaded when it is first asked for, unloaded when nobody uses it and somebody needs
 * the room, loaded again when its worker dies. However many ask at once, it is loaded once, and a failure answers all.
 */

import { longestTimer, within } from '../../common/bounded-wait.js';
import type { EngineLoad } from '../../engine/engine.js';
import type { Footprint } from '../../engine/load/footprint.js';
import { errors } from '../../errors.js';
import type { LoadedModel } from '../model.js';
import type { ModelState } from '../registry.js';
import type { ServingSettings } from '../serving-settings.js';
import type { RunningModel } from './load.js';
import { type Inhabitant, type LifecycleOptions, ModelLifecycle } from './model-lifecycle.js';
import type { Residence, UnloadReason } from './residence.js';
import type { Lease } from './shared-engine.js';

export interface SlotOptions extends LifecycleOptions {
  readonly directory: string;
  /** After a request for the model was answered with it, it stays at least that long: about to be used. */
  readonly graceMilliseconds?: number;
}

const usualGrace = 1_000;

export class ModelSlot implements Inhabitant {
  readonly #life: ModelLifecycle;
  /** Requests that wait for the model. */
  #waiting = 0;
  #lastUsed = 0;

  constructor(readonly options: SlotOptions) {
    this.#life = new ModelLifecycle(options, this);
  }

  get id(): string {
    return this.options.id;
  }

  get state(): ModelState {
    return this.#life.state;
  }

  /** Why it could not be loaded last time; null otherwise. */
  get failure(): Error | null {
    return this.#life.failure;
  }

  get bytes(): number {
    const { footprint } = this.#life;
    return footprint === null ? 0 : footprint.weights + footprint.kv;
  }

  get pinned(): boolean {
    return this.#life.settings?.pinned ?? false;
  }

  get lastUsed(): number {
    return this.#lastUsed;
  }

  get uses(): number {
    return this.#life.residence?.uses ?? 0;
  }

  get idle(): boolean {
    const { residence } = this.#life;
    if (residence === null || this.#waiting > 0) return false;
    return residence.uses === 0 && performance.now() >= residence.awaitedUntil;
  }

  /** The model while it is in memory. */
  get running(): RunningModel | null {
    return this.#life.residence?.running ?? null;
  }

  /** What it is served with and takes, whether it is loaded or not. @throws what `settings` and `measure` throw */
  async describe(): Promise<{ settings: ServingSettings; footprint: Footprint }> {
    const { residence, settings: loaded, footprint } = this.#life;
    if (residence && loaded && footprint) return { settings: loaded, footprint };
    const settings = await this.options.settings();
    return { settings, footprint: await this.options.measure(settings) };
  }

  /**
   * The model, loaded if need be.
   * @throws SteerdError model_unavailable, model_too_large; the signal's reason
   */
  get(signal?: AbortSignal, waitMilliseconds?: number): Promise<LoadedModel> {
    return this.#enter(
      (residence) => residence.leaving === null,
      (residence) => {
        this.#touch();
        const grace = this.options.graceMilliseconds ?? usualGrace;
        residence.awaitedUntil = performance.now() + grace;
        this.#rest(residence, grace);
        return residence.model;
      },
      signal,
      waitMilliseconds,
    );
  }

  /** A use of the engine. Whoever has the model already may use it even while it is about to leave. */
  async lease(fingerprint: string, signal?: AbortSignal): Promise<Lease> {
    const residence = await this.#enter(
      () => true,
      (residence) => {
        residence.uses++;
        residence.awaitedUntil = 0;
        clearTimeout(residence.timer);
        return residence;
      },
      signal,
    );
    let released = false;
    const release = () => {
      if (released) return;
      released = true;
      residence.uses--;
      this.#touch();
      if (residence.uses === 0) this.#rest(residence, 0);
    };
    if (residence.running.engine.shape.fingerprint !== fingerprint) {
      release();
      throw errors.modelUnavailable(this.id, 'its files were replaced meanwhile; ask again');
    }
    return { engine: residence.running.engine, release };
  }

  load(): EngineLoad {
    return this.running?.engine.load() ?? { running: 0, waiting: 0 };
  }

  leave(): void {
    this.#leave('memory');
  }

  /**
   * Unloads the model; resolves when it is gone.
   * @param force also when it is in use: what runs fails
   * @throws SteerdError model_in_use
   */
  unload(force: boolean): Promise<void> {
    return this.#life.unload(force);
  }

  /** Ends everything; nothing is loaded any more. */
  close(): Promise<void> {
    return this.#life.close();
  }

  onReady(residence: Residence): void {
    this.#touch();
    this.#rest(residence, 0);
  }

  /**
   * Waits until the model is there, loading it, and takes it in the same turn: nothing can unload it in between.
   * @param suits whether the model as it is there will do; else it is waited for until it has come again
   */
  async #enter<T>(
    suits: (residence: Residence) => boolean,
    take: (residence: Residence) => T,
    signal: AbortSignal | undefined,
    waitMilliseconds = this.options.waitMilliseconds,
  ): Promise<T> {
    const deadline = performance.now() + waitMilliseconds;
    this.#waiting++;
    try {
      for (;;) {
        signal?.throwIfAborted();
        this.#life.closing.throwIfAborted();
        const residence = this.#life.residence;
        if (residence && suits(residence)) return take(residence);
        const failure = await within(this.#life.next(), {
          milliseconds: deadline - performance.now(),
          late: () => errors.modelUnavailable(this.id, this.#life.whyWaiting),
          signals: [signal, this.#life.closing],
        });
        if (failure) throw failure;
      }
    } finally {
      this.#waiting--;
    }
  }

  #touch(): void {
    this.#lastUsed = performance.now();
  }

  /** Nothing uses it: it leaves if it was asked to, or later, when it has been idle for long enough. */
  #rest(residence: Residence, grace: number): void {
    clearTimeout(residence.timer);
    if (residence.uses > 0 || this.#life.residence !== residence) return;
    if (residence.leaving !== null) {
      void this.#life.end(residence);
      return;
    }
    const idleMilliseconds = this.pinned ? 0 : (this.#life.settings?.idleSeconds ?? 0) * 1000;
    const look = () => {
      this.options.budget.changed();
      if (idleMilliseconds === 0 || this.#life.residence !== residence) return;
      const left = this.#lastUsed + idleMilliseconds - performance.now();
      if (left <= 0 && this.idle) this.#leave('idle');
      // Longer than a timer can be is looked at again, which is right too.
      else residence.timer = setTimeout(look, Math.min(Math.max(left, 10), longestTimer)).unref();
    };
    residence.timer = setTimeout(look, grace).unref();
  }

  #leave(reason: UnloadReason): void {
    const residence = this.#life.residence;
    if (residence === null) return;
    residence.leaving ??= reason;
    if (residence.uses === 0) void this.#life.end(residence);
  }
}
