/** One attempt to load a model: measured first, then let in by the budget, then loaded. */

import { longestTimer } from '../../common/bounded-wait.js';
import type { Footprint } from '../../engine/load/footprint.js';
import { errors } from '../../errors.js';
import type { ServingSettings } from '../serving-settings.js';
import type { RunningModel } from './load.js';
import type { MemoryBudget, Resident } from './memory-budget.js';

export interface LoadOptions {
  readonly id: string;
  readonly budget: MemoryBudget;
  /** How long a request waits for the model, in milliseconds. */
  readonly waitMilliseconds: number;
  /** @throws SteerdError model_unavailable */
  readonly settings: () => Promise<ServingSettings>;
  readonly measure: (settings: ServingSettings) => Promise<Footprint>;
  readonly load: (settings: ServingSettings) => Promise<RunningModel>;
  readonly onLoaded?: (model: RunningModel, seconds: number) => void;
}

export interface Attempt {
  /** Who takes the room: its bytes are what `onMeasured` heard. */
  readonly resident: Resident;
  /** Aborted when the server closes. */
  readonly closing: AbortSignal;
  readonly onMeasured: (settings: ServingSettings, footprint: Footprint | null) => void;
  /** What it is waiting for now, in words. */
  readonly onWaiting: (what: string) => void;
  /** There is room, and the load begins. */
  readonly onBegin: () => void;
}

/** Room is waited for that long at least, even when requests do not wait. */
const leastRoomMilliseconds = 10_000;
const noRoom = 'the models in memory are in use';

/**
 * The model, in the room that the budget gave; without it, no room is kept.
 * @throws SteerdError model_unavailable, model_too_large; the reason of `closing`
 */
export async function loadInBudget(options: LoadOptions, attempt: Attempt): Promise<RunningModel> {
  const { id, budget } = options;
  const { resident, closing } = attempt;
  const settings = await options.settings();
  // A folder that cannot be measured cannot be loaded: the load says best why.
  const footprint = await options.measure(settings).catch(() => null);
  attempt.onMeasured(settings, footprint);
  if (resident.bytes > budget.most) {
    const { limit } = budget.options;
    throw errors.modelTooLarge(id, needOf(footprint, settings.slots), roomOf(limit, limit - budget.most));
  }
  attempt.onWaiting(`it waits for room: ${noRoom}`);
  await waitForRoom(options, attempt);
  attempt.onWaiting('it is loading');
  attempt.onBegin();
  try {
    const started = performance.now();
    const running = await options.load(settings);
    if (closing.aborted) {
      await running.engine.close();
      throw closing.reason;
    }
    options.onLoaded?.(running, (performance.now() - started) / 1000);
    return running;
  } catch (error) {
    budget.release(resident);
    throw error;
  }
}

async function waitForRoom(
  { id, budget, waitMilliseconds }: LoadOptions,
  { resident, closing }: Attempt,
): Promise<void> {
  const over = new AbortController();
  const milliseconds = Math.min(Math.max(waitMilliseconds, leastRoomMilliseconds), longestTimer);
  const tooLong = errors.modelUnavailable(id, `there is no room for it: ${noRoom}`);
  const timer = setTimeout(() => over.abort(tooLong), milliseconds);
  const close = () => over.abort(closing.reason);
  closing.addEventListener('abort', close, { once: true });
  try {
    closing.throwIfAborted();
    await budget.reserve(resident, over.signal);
  } finally {
    clearTimeout(timer);
    closing.removeEventListener('abort', close);
  }
}

const mebibytes = (bytes: number) => `${Math.ceil(bytes / 1024 ** 2)} MiB`;

function needOf(footprint: Footprint | null, slots: number): string {
  if (footprint === null) return 'more';
  const { weights, kv, capacity } = footprint;
  return `${mebibytes(weights + kv)} (${mebibytes(weights)} of weights, ${mebibytes(kv)} of KV cache for ${slots} slots of ${capacity} tokens)`;
}

function roomOf(limit: number, pinned: number): string {
  const budget = `the models may take ${mebibytes(limit)}`;
  return pinned > 0 ? `${budget}, of which pinned ones have ${mebibytes(pinned)}` : budget;
}
