/**
 * One model's place in the server: loaded when it is first asked for, unloaded when nobody uses it and somebody needs
 * the room, loaded again when its worker dies. However many ask at once, it is loaded once, and a failure answers all.
 */
import { setMaxListeners } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import type { EngineLoad } from '../engine/engine.js';
import type { Footprint } from '../engine/footprint.js';
import { errors, SteerdError } from '../errors.js';
import { longestTimer, within } from './bounded-wait.js';
import type { RunningModel } from './load.js';
import { type LoadOptions, loadInBudget } from './load-in-budget.js';
import type { Resident } from './memory-budget.js';
import type { LoadedModel } from './model.js';
import { newResidence, type Residence, type UnloadReason } from './residence.js';
import type { ServingSettings } from './serving-settings.js';
import { type Lease, type Leases, sharedEngine } from './shared-engine.js';

export type ModelState = 'unloaded' | 'loading' | 'ready' | 'unloading' | 'failed';

export interface SlotOptions extends LoadOptions {
  readonly directory: string;
  readonly onRefused?: (error: Error) => void;
  readonly onUnloaded?: (reason: UnloadReason, why: string) => void;
  /** After a request for the model was answered with it, it stays at least that long: about to be used. */
  readonly graceMilliseconds?: number;
  /** Pauses between attempts to load, in milliseconds; the last one repeats. */
  readonly retryPauses?: readonly number[];
}

type Phase =
  | { readonly at: 'unloaded' }
  /** `done` gives the reason when the load failed. */
  | { readonly at: 'loading'; readonly done: Promise<Error | null>; readonly what: () => string }
  | { readonly at: 'ready'; readonly residence: Residence }
  | { readonly at: 'unloading'; readonly residence: Residence }
  | { readonly at: 'failed'; readonly error: Error; readonly retryAt: number };

const usualPauses = [1_000, 5_000, 30_000] as const;
const usualGrace = 1_000;

export class ModelSlot implements Resident, Leases {
  #phase: Phase = { at: 'unloaded' };
  #settings: ServingSettings | null = null;
  #footprint: Footprint | null = null;
  /** Requests that wait for the model. */
  #waiting = 0;
  #failures = 0;
  #lastUsed = 0;
  readonly #closing = new AbortController();

  constructor(readonly options: SlotOptions) {
    // One for each request that waits; they go when it does.
    setMaxListeners(0, this.#closing.signal);
  }

  get id(): string {
    return this.options.id;
  }

  get state(): ModelState {
    const { at } = this.#phase;
    return at === 'ready' && this.#phase.residence.leaving !== null ? 'unloading' : at;
  }

  /** Why it could not be loaded last time; null otherwise. */
  get failure(): Error | null {
    return this.#phase.at === 'failed' ? this.#phase.error : null;
  }

  get bytes(): number {
    return this.#footprint === null ? 0 : this.#footprint.weights + this.#footprint.kv;
  }

  get pinned(): boolean {
    return this.#settings?.pinned ?? false;
  }

  get lastUsed(): number {
    return this.#lastUsed;
  }

  get uses(): number {
    return this.#residence?.uses ?? 0;
  }

  get idle(): boolean {
    const residence = this.#residence;
    if (residence === null || this.#waiting > 0) return false;
    return residence.uses === 0 && performance.now() >= residence.awaitedUntil;
  }

  /** The model while it is in memory. */
  get running(): RunningModel | null {
    return this.#residence?.running ?? null;
  }

  get #residence(): Residence | null {
    return this.#phase.at === 'ready' ? this.#phase.residence : null;
  }

  /** What it is served with and takes, whether it is loaded or not. @throws what `settings` and `measure` throw */
  async describe(): Promise<{ settings: ServingSettings; footprint: Footprint }> {
    if (this.#residence && this.#settings && this.#footprint)
      return { settings: this.#settings, footprint: this.#footprint };
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
  async unload(force: boolean): Promise<void> {
    if (this.#phase.at === 'loading') await this.#phase.done;
    const phase = this.#phase;
    if (phase.at === 'failed') this.#phase = { at: 'unloaded' };
    if (phase.at === 'unloading') await phase.residence.gone;
    if (phase.at !== 'ready') return;
    const { residence } = phase;
    if (residence.uses > 0 && !force) throw errors.modelInUse(this.id, residence.uses);
    residence.leaving = 'request';
    void this.#end(residence);
    await residence.gone;
  }

  /** Ends everything; nothing is loaded any more. */
  async close(): Promise<void> {
    this.#closing.abort(errors.modelUnavailable(this.id, 'the server is closing'));
    if (this.#phase.at === 'loading') await this.#phase.done;
    const phase = this.#phase;
    if (phase.at === 'ready') {
      phase.residence.leaving = 'closing';
      void this.#end(phase.residence);
    }
    if (phase.at === 'ready' || phase.at === 'unloading') await phase.residence.gone;
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
        this.#closing.signal.throwIfAborted();
        const residence = this.#residence;
        if (residence && suits(residence)) return take(residence);
        const failure = await within(this.#next(), {
          milliseconds: deadline - performance.now(),
          late: () => errors.modelUnavailable(this.id, this.#whyWaiting()),
          signals: [signal, this.#closing.signal],
        });
        if (failure) throw failure;
      }
    } finally {
      this.#waiting--;
    }
  }

  /** What has to happen before one can look again; loads the model if nothing else does. */
  #next(): Promise<Error | null> {
    const phase = this.#phase;
    if (phase.at === 'loading') return phase.done;
    if (phase.at === 'ready' || phase.at === 'unloading') return phase.residence.gone.then(() => null);
    const now = performance.now();
    if (phase.at === 'failed' && now < phase.retryAt)
      return Promise.resolve(again(phase.error, phase.retryAt - now));
    return this.#startLoad();
  }

  #whyWaiting(): string {
    return this.#phase.at === 'loading' ? this.#phase.what() : 'it is being unloaded to make room';
  }

  #startLoad(): Promise<Error | null> {
    let what = 'it is loading';
    let begun = false;
    const attempt = loadInBudget(this.options, {
      resident: this,
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
        this.#touch();
        this.#rest(residence, 0);
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
    const engine = sharedEngine(this, running.engine.shape);
    const hold = async (signal?: AbortSignal) => (await this.lease(fingerprint, signal)).release;
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

  #touch(): void {
    this.#lastUsed = performance.now();
  }

  /** Nothing uses it: it leaves if it was asked to, or later, when it has been idle for long enough. */
  #rest(residence: Residence, grace: number): void {
    clearTimeout(residence.timer);
    if (residence.uses > 0 || this.#residence !== residence) return;
    if (residence.leaving !== null) {
      void this.#end(residence);
      return;
    }
    const idleMilliseconds = this.pinned ? 0 : (this.#settings?.idleSeconds ?? 0) * 1000;
    const look = () => {
      this.options.budget.changed();
      if (idleMilliseconds === 0 || this.#residence !== residence) return;
      const left = this.#lastUsed + idleMilliseconds - performance.now();
      if (left <= 0 && this.idle) this.#leave('idle');
      // Longer than a timer can be is looked at again, which is right too.
      else residence.timer = setTimeout(look, Math.min(Math.max(left, 10), longestTimer)).unref();
    };
    residence.timer = setTimeout(look, grace).unref();
  }

  #leave(reason: UnloadReason): void {
    const residence = this.#residence;
    if (residence === null) return;
    residence.leaving ??= reason;
    if (residence.uses === 0) void this.#end(residence);
  }

  async #end(residence: Residence): Promise<void> {
    if (this.#residence !== residence) return;
    this.#phase = { at: 'unloading', residence };
    clearTimeout(residence.timer);
    await residence.running.engine.close().catch(() => {});
    this.#gone(residence, { at: 'unloaded' }, 'unloaded');
  }

  #lost(residence: Residence, reason: Error): void {
    if (this.#residence !== residence) return;
    clearTimeout(residence.timer);
    const why = `it is loading again after a failure (${reason.message})`;
    const error = errors.modelUnavailable(this.id, why);
    residence.leaving = 'failure';
    this.#gone(residence, { at: 'failed', error, retryAt: performance.now() }, reason.message);
    if (this.pinned) void this.#keepLoaded();
  }

  #gone(residence: Residence, phase: Phase, why: string): void {
    this.#phase = phase;
    this.options.budget.release(this);
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
