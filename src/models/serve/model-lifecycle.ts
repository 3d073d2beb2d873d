/**
 * The phases of a model's life in the server and what leads from one to the next: it loads once however many wait for
 * it, a load that failed is tried less and less often, a worker that dies is noticed. Who uses it is model-slot.ts.
 */
import { setMaxListeners } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import type { Footprint } from '../../engine/load/footprint.js';
import { errors, SteerdError } from '../../errors.js';
import type { ModelState } from '../registry.js';
import type { ServingSettings } from '../serving-settings.js';
import type { RunningModel } from './load.js';
import { type LoadOptions, loadInBudget } from './load-in-budget.js';
import type { Resident } from './memory-budget.js';
import { newResidence, type Residence, type UnloadReason } from './residence.js';
import { type Leases, sharedEngine } from './shared-engine.js';

export interface LifecycleOptions extends LoadOptions {
  readonly onRefused?: (error: Error) => void;
  readonly onUnloaded?: (reason: UnloadReason, why: string) => void;
  /** Pauses between attempts to load, in milliseconds; the last one repeats. */
  readonly retryPauses?: readonly number[];
}

/** Whose life it is: takes the room, gives out the uses, and hears when the model is there. */
export interface Inhabitant extends Resident, Leases {
  onReady(residence: Residence): void;
}

type Phase =
  | { readonly at: 'unloaded' }
  /** `done` gives the reason when the load failed. */
  | { readonly at: 'loading'; readonly done: Promise<Error | null>; readonly what: () => string }
  | { readonly at: 'ready'; readonly residence: Residence }
  | { readonly at: 'unloading'; readonly residence: Residence }
  | { readonly at: 'failed'; readonly error: Error; readonly retryAt: number };

const usualPauses = [1_000, 5_000, 30_000] as const;

export class ModelLifecycle {
  #phase: Phase = { at: 'unloaded' };
  #settings: ServingSettings | null = null;
  #footprint: Footprint | null = null;
  #failures = 0;
  readonly #closing = new AbortController();

  constructor(
    readonly options: LifecycleOptions,
    readonly inhabitant: Inhabitant,
  ) {
    // One for each request that waits; they go when it does.
    setMaxListeners(0, this.#closing.signal);
  }

  get state(): ModelState {
    const { at } = this.#phase;
    return at === 'ready' && this.#phase.residence.leaving !== null ? 'unloading' : at;
  }

  /** Why it could not be loaded last time; null otherwise. */
  get failure(): Error | null {
    return this.#phase.at === 'failed' ? this.#phase.error : null;
  }

  /** The model while it is in memory. */
  get residence(): Residence | null {
    return this.#phase.at === 'ready' ? this.#phase.residence : null;
  }

  /** As last loaded; null before. */
  get settings(): ServingSettings | null {
    return this.#settings;
  }

  /** As last loaded; null before, and when it could not be measured. */
  get footprint(): Footprint | null {
    return this.#footprint;
  }

  /** Aborted when the server closes: nothing is loaded any more. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /**
   * What has to happen before one can look again; loads the model if nothing else does.
   * @returns the reason when that was a load, and it failed
   */
  next(): Promise<Error | null> {
    const phase = this.#phase;
    if (phase.at === 'loading') return phase.done;
    if (phase.at === 'ready' || phase.at === 'unloading') return phase.residence.gone.then(() => null);
    const now = performance.now();
    if (phase.at === 'failed' && now < phase.retryAt)
      return Promise.resolve(again(phase.error, phase.retryAt - now));
    return this.#startLoad();
  }

  /** What `next` waits for, in words. */
  get whyWaiting(): string {
    return this.#phase.at === 'loading' ? this.#phase.what() : 'it is being unloaded to make room';
  }

  /** Unloads the model whether it is used or not; nothing if it is not there any more. */
  async end(residence: Residence): Promise<void> {
    if (this.residence !== residence) return;
    this.#phase = { at: 'unloading', residence };
    clearTimeout(residence.timer);
    await residence.running.engine.close().catch(() => {});
    this.#gone(residence, { at: 'unloaded' }, 'unloaded');
  }

  /**
   * Unloads the model; resolves when it is gone.
   * @param force also when it is in use: what runs fails
   * @throws SteerdError model_in_use
   */
  async unload(force: boolean): Promise<void> {
    if (this.#phase.at === 'loading') await this.#phase.done;
    const phase = this.#phase;
    if (phase.at === 'failed') this.#phase = { at: 'unloaded' };
    if (phase.at === 'unloading') await phase.residence.gone;
    if (phase.at !== 'ready') return;
    const { residence } = phase;
    if (residence.uses > 0 && !force) throw errors.modelInUse(this.options.id, residence.uses);
    residence.leaving = 'request';
    void this.end(residence);
    await residence.gone;
  }

  /** Ends everything; nothing is loaded any more. */
  async close(): Promise<void> {
    this.#closing.abort(errors.modelUnavailable(this.options.id, 'the server is closing'));
    if (this.#phase.at === 'loading') await this.#phase.done;
    const phase = this.#phase;
    if (phase.at === 'ready') {
      phase.residence.leaving = 'closing';
      void this.end(phase.residence);
    }
    if (phase.at === 'ready' || phase.at === 'unloading') await phase.residence.gone;
  }

  #startLoad(): Promise<Error | null> {
    let what = 'it is loading';
    let begun = false;
    const attempt = loadInBudget(this.options, {
      resident: this.inhabitant,
      closing: this.#closing.signal,
      onMeasured: (settings, footprint) => {
        this.#settings = settings;
        this.#footprint = footprint;
      },
      onWaiting: (waits) => {
        what = waits;
      },
      onBegin: () => {
        begun = true;
      },
    });
    const done = attempt.then(
      (running) => {
        const residence = this.#settle(running);
        this.#failures = 0;
        this.#phase = { at: 'ready', residence };
        void residence.running.died.then((reason) => this.#lost(residence, reason));
        this.inhabitant.onReady(residence);
        return null;
      },
      (error: Error) => {
        const pauses = this.options.retryPauses ?? usualPauses;
        const milliseconds = pauses[Math.min(this.#failures, pauses.length - 1)] ?? 0;
        // Settings and room may be right the next time: only what was tried in vain is tried less and less often.
        if (begun) this.#failures++;
        this.#phase = { at: 'failed', error, retryAt: performance.now() + milliseconds };
        if (!this.#closing.signal.aborted) this.options.onRefused?.(error);
        return error;
      },
    );
    this.#phase = { at: 'loading', done, what: () => what };
    return done;
  }

  #settle(running: RunningModel): Residence {
    const { id, directory, tokenizer, chatTemplate, stopTokens, created } = running;
    const { fingerprint } = running.engine.shape;
    const leases = this.inhabitant;
    const engine = sharedEngine(leases, running.engine.shape);
    const hold = async (signal?: AbortSignal) => (await leases.lease(fingerprint, signal)).release;
    return newResidence(running, {
      id,
      directory,
      engine,
      tokenizer,
      chatTemplate,
      stopTokens,
      created,
      hold,
    });
  }

  #lost(residence: Residence, reason: Error): void {
    if (this.residence !== residence) return;
    clearTimeout(residence.timer);
    const why = `it is loading again after a failure (${reason.message})`;
    const error = errors.modelUnavailable(this.options.id, why);
    residence.leaving = 'failure';
    this.#gone(residence, { at: 'failed', error, retryAt: performance.now() }, reason.message);
    if (this.inhabitant.pinned) void this.#keepLoaded();
  }

  #gone(residence: Residence, phase: Phase, why: string): void {
    this.#phase = phase;
    this.options.budget.release(this.inhabitant);
    this.options.onUnloaded?.(residence.leaving ?? 'request', why);
    residence.left();
  }

  /** A pinned model comes back by itself. */
  async #keepLoaded(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted && this.#phase.at === 'failed') {
      const { retryAt } = this.#phase;
      await pause(Math.max(0, retryAt - performance.now()), null, { signal }).catch(() => {});
      if (!signal.aborted && this.#phase.at === 'failed') await this.#startLoad();
    }
  }
}

/** The same failure, told to somebody who comes later. */
function again(error: Error, milliseconds: number): Error {
  if (!(error instanceof SteerdError) || error.retryAfterSeconds === null) return error;
  const { code, status, type, message, param } = error;
  return new SteerdError(code, status, type, message, param, Math.max(1, Math.ceil(milliseconds / 1000)));
}
