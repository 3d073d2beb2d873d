/**
 * Who uses a model in memory: each call of its engine, and each job that keeps it, has a lease until it is done. Users
 * hold a `leasedModel`, whose engine takes a lease for every call and so loads the model again if it was unloaded:
 * nobody who has the model need know that models come and go.
 */
import { longestTimer } from '../../common/bounded-wait.js';
import type { Engine, EngineLoad } from '../../engine/engine.js';
import type { LoadedModel } from '../model.js';

/** The leases of one load of a model. */
export class Leases {
  #count = 0;
  #lastUsed = performance.now();
  /** Until when somebody who was given the model may still be about to take a lease. */
  #expectedUntil = 0;
  #timer: NodeJS.Timeout | undefined;
  #ended = false;

  /**
   * @param idleMilliseconds after which `onFree` is called again; 0 for not
   * @param onFree hears that nobody uses the model or is about to, and how many milliseconds it has been unused
   */
  constructor(
    readonly idleMilliseconds: number,
    private readonly onFree: (unused: number) => void,
  ) {
    this.#watch(0);
  }

  get count(): number {
    return this.#count;
  }

  /** By the clock of `performance.now()`. */
  get lastUsed(): number {
    return this.#lastUsed;
  }

  /** Nobody uses the model, and nobody is about to. */
  get free(): boolean {
    return this.#count === 0 && performance.now() >= this.#expectedUntil;
  }

  /** Somebody was given the model and has that long to take a lease. */
  expect(milliseconds: number): void {
    this.#lastUsed = performance.now();
    this.#expectedUntil = this.#lastUsed + milliseconds;
    this.#watch(milliseconds);
  }

  /** @returns gives the lease back; only once, however often it is called */
  take(): () => void {
    this.#count++;
    this.#expectedUntil = 0;
    clearTimeout(this.#timer);
    let released = false;
    return () => {
      if (released) return;
      released = true;
      this.#count--;
      this.#lastUsed = performance.now();
      this.#watch(Math.max(0, this.#expectedUntil - this.#lastUsed));
    };
  }

  /** The model is gone: what was not given back does not matter any more. */
  end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
  }

  /** Calls `onFree` after that time, unless a lease is taken: not at once, for one call often follows another. */
  #watch(milliseconds: number): void {
    clearTimeout(this.#timer);
    if (this.#ended || this.#count > 0) return;
    // A time that is longer than a timer can be is looked at again, which is right too.
    this.#timer = setTimeout(() => this.#look(), Math.min(milliseconds, longestTimer)).unref();
  }

  #look(): void {
    // A timer may fire a little before its time.
    this.#expectedUntil = 0;
    const unused = performance.now() - this.#lastUsed;
    this.onFree(unused);
    if (this.idleMilliseconds > 0) this.#watch(Math.max(this.idleMilliseconds - unused, 10));
  }
}

/** The right to use an engine, until it is released. */
export interface Lease {
  readonly engine: Engine;
  /** Waits until there is memory for a sequence of that many tokens; what it returns is called when that has ended. */
  room(tokens: number): Promise<() => void>;
  release(): void;
}

/** Where leases come from, whatever of the model is in memory now. */
export interface LeaseSource {
  /**
   * @param fingerprint of the export that the caller knows
   * @throws SteerdError model_unavailable when it cannot be loaded, or is another export now; model_too_large
   */
  lease(fingerprint: string, signal?: AbortSignal): Promise<Lease>;
  load(): EngineLoad;
  close(): Promise<void>;
}

/** A model as its users hold it: each call goes to the engine that is in memory by then, of the same export. */
export function leasedModel(loaded: LoadedModel, source: LeaseSource): LoadedModel {
  const { shape } = loaded.engine;
  const lease = (signal: AbortSignal | undefined) => source.lease(shape.fingerprint, signal);
  const using = async <T>(signal: AbortSignal | undefined, call: (engine: Engine) => Promise<T>) => {
    const { engine, release } = await lease(signal);
    try {
      return await call(engine);
    } finally {
      release();
    }
  };
  const engine: Engine = {
    shape,
    async *generate(request, signal) {
      const { engine, room, release } = await lease(signal);
      try {
        const ended = await room(request.prompt.length + request.maxTokens);
        try {
          yield* engine.generate(request, signal);
        } finally {
          ended();
        }
      } finally {
        release();
      }
    },
    capture: (request, signal) => using(signal, (engine) => engine.capture(request, signal)),
    score: (request, signal) => using(signal, (engine) => engine.score(request, signal)),
    scoreMany: (request, signal) => using(signal, (engine) => engine.scoreMany(request, signal)),
    divergenceMany: (request, signal) => using(signal, (engine) => engine.divergenceMany(request, signal)),
    project: (request, signal) => using(signal, (engine) => engine.project(request, signal)),
    load: () => source.load(),
    close: () => source.close(),
  };
  return { ...loaded, engine, hold: async (signal) => (await lease(signal)).release };
}
