/**
 * One model of this server, in memory or not: the handle by which it is asked for, used and unloaded.
 *
 *             asked for              measured            memory reserved
 *   unloaded -----------> measuring ----------> waiting -----------------> loading
 *    ^    ^                 ^   |                  |                        |   |
 *    |    |     asked again |   | an error         | an error      an error |   | done
 *    |    |   after a pause |   v                  v                        |   v
 *    |    +----------------- failed <---------------------------------------+  loaded
 *    |           unload        ^                                               |  |  |
 *    |                         |               worker died                     |  |  |
 *    |                         +---------------------+-------------------------+  |  |
 *    |                                               |            evicted         |  |
 *    |                                            draining <----------------------+  |
 *    |                                               |                               | unused too long,
 *    |                                               | last lease over, unload,      | unload, close
 *    |            worker closed                      v close                         |
 *    +-------------------------------------------- unloading <-----------------------+
 *
 * However many ask at once, it is loaded once, and a failure answers all. The pause after a load that failed grows from
 * one to the next; a pinned model whose worker died asks for itself. The budget lets the model in and evicts it when
 * others need its memory. What a state holds is in model-state.ts; each arrow is in one method, whose comment names it.
 */
import { setMaxListeners } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { within } from '../../common/bounded-wait.js';
import type { EngineLoad } from '../../engine/engine.js';
import type { Footprint } from '../../engine/load/footprint.js';
import { errors } from '../../errors.js';
import type { LoadedModel } from '../model.js';
import type { ModelState } from '../registry.js';
import type { ServingSettings } from '../serving-settings.js';
import { KvDemand } from './kv-demand.js';
import { type Lease, type LeaseSource, Leases, leasedModel } from './leases.js';
import type { RunningModel } from './load.js';
import type { Evictable, MemoryBudget } from './memory-budget.js';
import {
  type InMemory,
  type LoadPlan,
  planOf,
  publicNames,
  type State,
  sameFailure,
  usable,
  whyWaiting,
} from './model-state.js';

export type UnloadReason = 'memory' | 'idle' | 'request' | 'failure' | 'closing';

export interface ManagedModelOptions {
  readonly id: string;
  readonly budget: MemoryBudget;
  /** How long a request waits for the model, in milliseconds. */
  readonly waitMilliseconds: number;
  /** Whoever was given the model has that long to use it before it can be evicted; 1000 when left out. */
  readonly graceMilliseconds?: number;
  /** Pauses after loads that failed, in milliseconds; the last one repeats. */
  readonly retryPauses?: readonly number[];
  /** @throws SteerdError model_unavailable */
  readonly settings: () => Promise<ServingSettings>;
  readonly measure: (settings: ServingSettings) => Promise<Footprint>;
  readonly load: (settings: ServingSettings) => Promise<RunningModel>;
  /** @param context why its context is as long as it is */
  readonly onLoaded?: (model: RunningModel, seconds: number, context: string | undefined) => void;
  readonly onRefused?: (error: Error) => void;
  /** @param error that its worker died of, when the reason is `failure` */
  readonly onUnloaded?: (reason: UnloadReason, error?: Error) => void;
}

const usualGrace = 1_000;
const usualPauses = [1_000, 5_000, 30_000] as const;
/** Room is waited for that long at least, even when requests do not wait. */
const leastRoomMilliseconds = 10_000;

export class ManagedModel implements Evictable, LeaseSource {
  #state: State = { at: 'unloaded' };
  /** Requests that wait for the model. */
  #waiting = 0;
  /** Loads that failed since the last one that did not. */
  #failures = 0;
  /** See `kept`. */
  #kept = 0;
  /** Aborted when the server closes: nothing is loaded any more. */
  readonly #closing = new AbortController();

  constructor(readonly options: ManagedModelOptions) {
    // One for each request that waits; they go when it does.
    setMaxListeners(0, this.#closing.signal);
  }

  get id(): string {
    return this.options.id;
  }

  get state(): ModelState {
    return publicNames[this.#state.at];
  }

  /** Why it could not be loaded last time; null otherwise. */
  get failure(): Error | null {
    return this.#state.at === 'failed' ? this.#state.error : null;
  }

  /** The model while it can be used. */
  get running(): RunningModel | null {
    return this.#usable?.running ?? null;
  }

  /** Leases that are not over. */
  get uses(): number {
    return this.#usable?.leases.count ?? 0;
  }

  get bytes(): number {
    const footprint = planOf(this.#state)?.footprint;
    if (!footprint) return 0;
    const demand = 'memory' in this.#state ? this.#state.memory.demand : null;
    return footprint.weights + (demand?.bytes ?? this.#leastKv(footprint)) + this.#kept;
  }

  get leastBytes(): number {
    const footprint = planOf(this.#state)?.footprint;
    return footprint ? footprint.weights + this.#leastKv(footprint) : 0;
  }

  /** A device's KV cache is allocated as a whole. */
  #leastKv({ kv, leastKv }: Footprint): number {
    return 'memory' in this.#state && this.#state.memory.running.device !== 'cpu' ? kv : leastKv;
  }

  /** Bytes for beginnings of prompts that were read. */
  get kept(): number {
    return this.#kept;
  }

  get keepsAtMost(): number {
    if (this.#state.at !== 'loaded' || this.#state.memory.running.device !== 'cpu') return this.#kept;
    return (this.#state.memory.plan.settings.prefixMemory ?? 0) * 1024 ** 2;
  }

  keep(bytes: number): void {
    this.#kept = bytes;
    this.#usable?.running.keep?.(bytes);
  }

  retry(): void {
    this.#usable?.demand?.retry();
  }

  get pinned(): boolean {
    return planOf(this.#state)?.settings.pinned ?? false;
  }

  get lastUsed(): number {
    return this.#usable?.leases.lastUsed ?? 0;
  }

  get idle(): boolean {
    return this.#state.at === 'loaded' && this.#waiting === 0 && this.#state.memory.leases.free;
  }

  get #usable(): InMemory | null {
    return usable(this.#state);
  }

  /** What it is served with and takes, whether it is loaded or not. @throws what `settings` and `measure` throw */
  async describe(): Promise<{ settings: ServingSettings; footprint: Footprint }> {
    const loaded = this.#usable?.plan;
    const settings = loaded?.settings ?? (await this.options.settings());
    return { settings, footprint: loaded?.footprint ?? (await this.options.measure(settings)) };
  }

  /**
   * The model, loaded if need be.
   * @throws SteerdError model_unavailable, model_too_large; the signal's reason
   */
  get(signal?: AbortSignal, waitMilliseconds?: number): Promise<LoadedModel> {
    const take = ({ leases, model }: InMemory) => {
      leases.expect(this.options.graceMilliseconds ?? usualGrace);
      return model;
    };
    return this.#whenIn(['loaded'], take, signal, waitMilliseconds);
  }

  /** A use of the engine. Whoever has the model may use it even while it is draining. */
  async lease(fingerprint: string, signal?: AbortSignal): Promise<Lease> {
    const take = (memory: InMemory) => ({ memory, giveBack: memory.leases.take() });
    const { memory, giveBack } = await this.#whenIn(['loaded', 'draining'], take, signal);
    const { engine } = memory.running;
    const release = () => {
      giveBack();
      this.#unloadDrained();
    };
    const { demand } = memory;
    const room = async (tokens: number) => (await demand?.take(tokens, signal)) ?? (() => {});
    if (engine.shape.fingerprint === fingerprint) return { engine, room, release };
    release();
    throw errors.modelUnavailable(this.id, 'its files were replaced meanwhile; ask again');
  }

  load(): EngineLoad {
    return this.running?.engine.load() ?? { running: 0, waiting: 0 };
  }

  /** loaded -> draining; one that is being unloaded is leaving already. */
  evict(): boolean {
    if (this.#state.at === 'unloading') return true;
    if (this.#state.at !== 'loaded') return false;
    this.#state = { at: 'draining', memory: this.#state.memory };
    this.#unloadDrained();
    return true;
  }

  /**
   * Unloads the model (failed -> unloaded); resolves when it is gone.
   * @param force also when it is in use: what runs fails
   * @throws SteerdError model_in_use
   */
  async unload(force: boolean): Promise<void> {
    await this.#loadUnderWay();
    const state = this.#state;
    if (state.at === 'failed') this.#state = { at: 'unloaded' };
    if (state.at === 'unloading') await state.memory.gone;
    const memory = this.#usable;
    if (memory === null) return;
    const { count } = memory.leases;
    if (count > 0 && !force) throw errors.modelInUse(this.id, count);
    await this.#unload(memory, 'request');
  }

  /** Ends everything; nothing is loaded any more. */
  async close(): Promise<void> {
    this.#closing.abort(errors.modelUnavailable(this.id, 'the server is closing'));
    await this.#loadUnderWay();
    const state = this.#state;
    if (!('memory' in state)) return;
    if (state.at === 'unloading') await state.memory.gone;
    else await this.#unload(state.memory, 'closing');
  }

  async #loadUnderWay(): Promise<void> {
    if ('outcome' in this.#state) await this.#state.outcome;
  }

  /** Waits until it is in one of these states, loading it, and takes it in the same turn: nothing unloads it in between. */
  async #whenIn<T>(
    states: readonly State['at'][],
    take: (memory: InMemory) => T,
    signal: AbortSignal | undefined,
    waitMilliseconds = this.options.waitMilliseconds,
  ): Promise<T> {
    const deadline = performance.now() + waitMilliseconds;
    this.#waiting++;
    try {
      for (;;) {
        signal?.throwIfAborted();
        this.#closing.signal.throwIfAborted();
        const state = this.#state;
        if ('memory' in state && states.includes(state.at)) return take(state.memory);
        const failure = await within(() => this.#next(), {
          milliseconds: deadline - performance.now(),
          late: () => errors.modelUnavailable(this.id, whyWaiting(this.#state)),
          signals: [signal, this.#closing.signal],
        });
        if (failure) throw failure;
      }
    } finally {
      this.#waiting--;
    }
  }

  /**
   * What has to happen before one can look again; a load, if nothing else does.
   * @returns the reason when that was a load, and it failed
   */
  #next(): Promise<Error | null> {
    const state = this.#state;
    switch (state.at) {
      case 'unloaded':
        return this.#load();
      case 'measuring':
      case 'waiting':
      case 'loading':
        return state.outcome;
      case 'loaded':
      case 'draining':
      case 'unloading':
        return state.memory.gone.then(() => null);
      case 'failed':
        return performance.now() < state.retryAt ? Promise.resolve(sameFailure(state)) : this.#load();
    }
  }

  /** unloaded, failed -> measuring */
  #load(): Promise<Error | null> {
    const outcome: Promise<Error | null> = Promise.resolve().then(() => this.#attempt(outcome));
    this.#state = { at: 'measuring', outcome };
    return outcome;
  }

  /** measuring -> waiting -> loading -> loaded; any of them -> failed */
  async #attempt(outcome: Promise<Error | null>): Promise<Error | null> {
    const { budget } = this.options;
    try {
      const plan = await this.#measure();
      this.#state = { at: 'waiting', outcome, plan };
      await this.#reserve();
      this.#state = { at: 'loading', outcome, plan };
      const memory = await this.#start(plan);
      this.#state = { at: 'loaded', memory };
      this.#failures = 0;
      void memory.running.died.then((error) => this.#died(memory, error));
      // Now it can be evicted, but not before those who waited have taken it.
      setImmediate(() => budget.changed());
      return null;
    } catch (caught) {
      const error = caught as Error;
      const pauses = this.options.retryPauses ?? usualPauses;
      const milliseconds = pauses[Math.min(this.#failures, pauses.length - 1)] ?? 0;
      // Settings and room may be right the next time: only what was tried in vain is tried less and less often.
      if (this.#state.at === 'loading') this.#failures++;
      this.#state = { at: 'failed', error, retryAt: performance.now() + milliseconds };
      budget.release(this);
      if (!this.#closing.signal.aborted) this.options.onRefused?.(error);
      return error;
    }
  }

  async #measure(): Promise<LoadPlan> {
    const settings = await this.options.settings();
    const footprint = await this.options.measure(settings).catch(() => null);
    if (footprint !== null) this.options.budget.checkSize(this.id, footprint);
    return { settings, footprint };
  }

  async #reserve(): Promise<void> {
    const { id, budget, waitMilliseconds } = this.options;
    await within((over) => budget.reserve(this, over), {
      milliseconds: Math.max(waitMilliseconds, leastRoomMilliseconds),
      late: () => errors.modelUnavailable(id, 'there is no room for it: the models in memory are in use'),
      signals: [this.#closing.signal],
    });
  }

  async #start(plan: LoadPlan): Promise<InMemory> {
    const { load, onLoaded } = this.options;
    const { signal } = this.#closing;
    const started = performance.now();
    // The context that was chosen; a device keeps to what the settings say.
    const context = plan.footprint?.capacity ?? plan.settings.context;
    const running = await load({ ...plan.settings, context, deviceContext: plan.settings.context });
    if (signal.aborted) {
      await running.engine.close();
      throw signal.reason;
    }
    onLoaded?.(running, (performance.now() - started) / 1000, plan.footprint?.capacityWhy);
    const { pinned, idleSeconds } = plan.settings;
    const leases = new Leases(pinned ? 0 : idleSeconds * 1000, (unused) => this.#free(unused));
    let left = () => {};
    const gone = new Promise<void>((resolve) => {
      left = resolve;
    });
    const model = leasedModel(running, this);
    const demand = this.#demandOf(plan, running);
    return { plan, running, model, leases, demand, gone, left: () => left() };
  }

  #demandOf({ settings, footprint }: LoadPlan, { engine, device }: RunningModel): KvDemand | null {
    if (!footprint || device !== 'cpu') return null;
    const { budget } = this.options;
    const { capacity, slots } = engine.shape;
    return new KvDemand({
      slots,
      capacity,
      tokenBytes: footprint.leastKv / footprint.capacity / 2,
      queue: slots + settings.queue,
      grow: (bytes) => budget.grow(bytes),
      shrunk: () => budget.changed(),
    });
  }

  /** Nobody uses it, or is about to: others may have its room, and unused for long enough it is unloaded. */
  #free(unused: number): void {
    this.#unloadDrained();
    this.options.budget.changed();
    const state = this.#state;
    if (state.at !== 'loaded' || this.#waiting > 0) return;
    const { idleMilliseconds } = state.memory.leases;
    if (idleMilliseconds > 0 && unused >= idleMilliseconds) void this.#unload(state.memory, 'idle');
  }

  /** A model that was evicted goes when nobody uses it any more. */
  #unloadDrained(): void {
    const state = this.#state;
    if (state.at === 'draining' && state.memory.leases.free) void this.#unload(state.memory, 'memory');
  }

  /** loaded, draining -> unloading -> unloaded, whether it is used or not. */
  async #unload(memory: InMemory, reason: UnloadReason): Promise<void> {
    this.#state = { at: 'unloading', memory };
    memory.leases.end();
    await memory.running.engine.close().catch(() => {});
    this.#state = { at: 'unloaded' };
    this.#left(memory, reason);
  }

  /** loaded, draining -> failed. A worker that is being closed may end as it likes. */
  #died(memory: InMemory, cause: Error): void {
    if (this.#usable !== memory) return;
    const error = errors.modelUnavailable(this.id, `it is loading again after a failure (${cause.message})`);
    this.#state = { at: 'failed', error, retryAt: performance.now() };
    memory.leases.end();
    this.#left(memory, 'failure', cause);
    if (memory.plan.settings.pinned) void this.#comeBack();
  }

  #left(memory: InMemory, reason: UnloadReason, error?: Error): void {
    this.#kept = 0;
    memory.demand?.close(error ?? errors.modelUnavailable(this.id, 'it was unloaded'));
    this.options.budget.release(this);
    this.options.onUnloaded?.(reason, error);
    memory.left();
  }

  /** A pinned model is asked for by itself until it is there again. */
  async #comeBack(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      const state = this.#state;
      if (state.at === 'failed') {
        await pause(Math.max(0, state.retryAt - performance.now()), null, { signal }).catch(() => {});
        if (this.#state === state && !signal.aborted) await this.#load();
      } else if ('outcome' in state) await state.outcome;
      else return;
    }
  }
}
