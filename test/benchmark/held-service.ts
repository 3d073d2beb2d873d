/** The stub as jobs ask it. */
import { setTimeout as pause } from 'node:timers/promises';
import { StubService } from './stub-service.js';

/** A service that stands still at a request, and does not answer it. */
export class HeldService extends StubService {
  #at: number;
  reached = false;

  constructor(at = Number.POSITIVE_INFINITY) {
    super();
    this.#at = at;
  }

  override async json<T>(
    path: string,
    options: { method?: string; body?: object; signal?: AbortSignal } = {},
  ): Promise<T> {
    const { signal = AbortSignal.timeout(60_000) } = options;
    signal.throwIfAborted();
    if (path.endsWith('/cancel')) return {} as T;
    // What is tidied away waits for itself alone: it stands still for nobody's abort.
    if (options.method !== 'DELETE' && --this.#at <= 0) {
      this.reached = true;
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    }
    return super.json(path.replace(/\?model=stub$/, ''), options);
  }

  async stands(): Promise<void> {
    while (!this.reached) await pause(2);
  }
}
