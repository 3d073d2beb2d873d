/** What a process hears of jobs in the database: one watch of the channel for all who wait. */
import type { Database } from '../database/database.js';
import { jobsChannel } from './job-rows.js';

export class JobNotices {
  readonly #waiting = new Map<string, Set<() => void>>();
  readonly #stop: () => void;

  constructor(database: Pick<Database, 'watch'>) {
    this.#stop = database.watch(jobsChannel, {
      notice: (text) => {
        for (const wake of this.#waiting.get(text) ?? []) wake();
      },
      // Notices may have been missed: everybody looks.
      check: () => {
        for (const wakes of this.#waiting.values()) for (const wake of wakes) wake();
      },
    });
  }

  /** Calls `wake` for each notice of this text, and whenever one may have been missed. @returns ends it */
  on(text: string, wake: () => void): () => void {
    const wakes = this.#waiting.get(text) ?? new Set();
    this.#waiting.set(text, wakes.add(wake));
    return () => {
      wakes.delete(wake);
      if (wakes.size === 0) this.#waiting.delete(text);
    };
  }

  close(): void {
    this.#stop();
  }
}
