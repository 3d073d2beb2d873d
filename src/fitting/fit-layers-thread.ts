/**
 * A thread that fits layers, one after the other. Messages: a `LayerTask` in, a `LayerReply` out; null ends it.
 * While `stop` (shared with whoever started it) is not 0, tasks end at their next matrix product.
 */
import { setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import type { SteerdError } from '../errors.js';
import type { LayerFit, LayerTask } from './fit-layer.js';

export interface LayerThreadData {
  /** One number in shared memory. */
  readonly stop: Int32Array;
}

export type LayerReply =
  | { readonly type: 'fitted'; readonly fit: LayerFit }
  /** A SteerdError's fields: structured cloning loses the class. */
  | {
      readonly type: 'refused';
      readonly error: Pick<SteerdError, 'code' | 'status' | 'message' | 'param'> & {
        errorType: SteerdError['type'];
      };
    }
  | { readonly type: 'failed'; readonly message: string }
  | { readonly type: 'stopped' };

class Stopped extends Error {}

const port = parentPort;
if (port === null) throw new Error('fit-layers-thread.js runs as a worker thread');
const { stop } = workerData as LayerThreadData;

/**
 * Against a thread of priority 0 this one gets a quarter of a core: streams come first, and the fit still ends.
 * On Linux a thread has a priority of its own; elsewhere it would be the whole server's.
 */
const niceness = 5;
if (process.platform === 'linux') {
  try {
    setPriority(0, niceness);
  } catch {
    // A sandbox may forbid it; the fit then competes as an equal.
  }
}

const stopped = () => Atomics.load(stop, 0) !== 0;

/** Loads the modules that fit layers one by one, so that a thread told to stop while it starts stops between them. */
async function begin(): Promise<((task: LayerTask) => LayerReply) | null> {
  if (stopped()) return null;
  const { Products } = await import('./linear-algebra/products.js');
  if (stopped()) return null;
  const { fitLayer } = await import('./fit-layer.js');
  const { SteerdError } = await import('../errors.js');
  if (stopped()) return null;
  const products = await Products.open(() => {
    if (stopped()) throw new Stopped();
  });
  process.once('exit', () => products.release());
  return (task) => {
    try {
      return { type: 'fitted', fit: fitLayer(task, products) };
    } catch (error) {
      if (error instanceof Stopped) return { type: 'stopped' };
      if (error instanceof SteerdError) {
        const { code, status, message, param, type } = error;
        return { type: 'refused', error: { code, status, message, param, errorType: type } };
      }
      const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
      return { type: 'failed', message };
    }
  };
}

const fit = await begin();

port.on('message', (task: LayerTask | null) => {
  if (task === null) port.close();
  else port.postMessage(fit === null ? ({ type: 'stopped' } satisfies LayerReply) : fit(task));
});
