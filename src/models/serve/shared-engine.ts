/**
 * A model's engine as its users hold it: each call keeps the model in memory while it works, and loads it again if it
 * was unloaded since. So nobody who has the engine need know that models come and go.
 */
import type { Engine, EngineLoad } from '../../engine/engine.js';
import type { ModelShape } from '../../engine/protocol.js';

/** The right to use an engine, until it is released. */
export interface Lease {
  readonly engine: Engine;
  release(): void;
}

export interface Leases {
  /**
   * @param fingerprint of the export that the caller knows
   * @throws SteerdError model_unavailable when it cannot be loaded, or is another export now
   */
  lease(fingerprint: string, signal?: AbortSignal): Promise<Lease>;
  load(): EngineLoad;
  close(): Promise<void>;
}

export function sharedEngine(leases: Leases, shape: ModelShape): Engine {
  const using = async <T>(signal: AbortSignal | undefined, work: (engine: Engine) => Promise<T>) => {
    const { engine, release } = await leases.lease(shape.fingerprint, signal);
    try {
      return await work(engine);
    } finally {
      release();
    }
  };
  return {
    shape,
    async *generate(request, signal) {
      const { engine, release } = await leases.lease(shape.fingerprint, signal);
      try {
        yield* engine.generate(request, signal);
      } finally {
        release();
      }
    },
    capture: (request, signal) => using(signal, (engine) => engine.capture(request, signal)),
    score: (request, signal) => using(signal, (engine) => engine.score(request, signal)),
    project: (request, signal) => using(signal, (engine) => engine.project(request, signal)),
    load: () => leases.load(),
    close: () => leases.close(),
  };
}
