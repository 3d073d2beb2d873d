/** The states of a model in this server; managed-model.ts has the drawing of what leads from one to another. */
import type { Footprint } from '../../engine/load/footprint.js';
import { SteerdError } from '../../errors.js';
import type { LoadedModel } from '../model.js';
import type { ModelState } from '../registry.js';
import type { ServingSettings } from '../serving-settings.js';
import type { KvDemand } from './kv-demand.js';
import type { Leases } from './leases.js';
import type { RunningModel } from './load.js';

export type State =
  | { readonly at: 'unloaded' }
  /** Its settings and what it takes are read. `outcome` of a load under way: the reason when it fails. */
  | { readonly at: 'measuring'; readonly outcome: Promise<Error | null> }
  /** `waiting` for memory. */
  | { readonly at: 'waiting' | 'loading'; readonly outcome: Promise<Error | null>; readonly plan: LoadPlan }
  /** `draining`: it serves those who have it and nobody else, and is unloaded then. */
  | { readonly at: 'loaded' | 'draining' | 'unloading'; readonly memory: InMemory }
  /** Asked for before `retryAt` (of the clock of `performance.now()`) it is not loaded. */
  | { readonly at: 'failed'; readonly error: Error; readonly retryAt: number };

/** What a load goes by. */
export interface LoadPlan {
  readonly settings: ServingSettings;
  /** Null for a folder that cannot be measured: the load says best why. */
  readonly footprint: Footprint | null;
}

/** One load of a model, from its end to the end of its worker. */
export interface InMemory {
  readonly plan: LoadPlan;
  readonly running: RunningModel;
  /** As its users hold it. */
  readonly model: LoadedModel;
  readonly leases: Leases;
  /** What its keys and values may take; null where that is not followed. */
  readonly demand: KvDemand | null;
  /** Resolved, by `left`, when its memory is free. */
  readonly gone: Promise<void>;
  readonly left: () => void;
}

/** As the API names the states. */
export const publicNames = {
  unloaded: 'unloaded',
  measuring: 'loading',
  waiting: 'loading',
  loading: 'loading',
  loaded: 'ready',
  draining: 'unloading',
  unloading: 'unloading',
  failed: 'failed',
} as const satisfies Record<State['at'], ModelState>;

/** The model while it can be used; null otherwise. */
export function usable(state: State): InMemory | null {
  return state.at === 'loaded' || state.at === 'draining' ? state.memory : null;
}

/** What it was, or is being, loaded by; null while it takes no memory and asks for none. */
export function planOf(state: State): LoadPlan | null {
  if ('memory' in state) return state.memory.plan;
  return 'plan' in state ? state.plan : null;
}

/** Why it cannot be had in this state, in words. */
export function whyWaiting({ at }: State): string {
  if (at === 'waiting') return 'it waits for room: the models in memory are in use';
  if (at === 'draining' || at === 'unloading') return 'it is being unloaded to make room';
  return 'it is loading, and the load goes on: ask again, or let requests wait for longer (STEERD_LOAD_SECONDS)';
}

/** The failure of a load, told to somebody who comes before it may be tried again: with the time that is left. */
export function sameFailure({ error, retryAt }: Extract<State, { at: 'failed' }>): Error {
  if (!(error instanceof SteerdError) || error.retryAfterSeconds === null) return error;
  const { code, status, type, message, param } = error;
  const seconds = Math.ceil((retryAt - performance.now()) / 1000);
  return new SteerdError(code, status, type, message, param, Math.max(1, seconds));
}
