/** Jobs of this process answer at once, and say who reads; only a database's have to be waited for. */
import type { FitEventLog } from '../../src/fitting/fit-events.js';
import type { FitJobs } from '../../src/fitting/fit-jobs.js';
import type { FitJob } from '../../src/schemas/fit-jobs.js';

export type FitsAtOnce = Omit<FitJobs, 'get' | 'list' | 'events'> & {
  get(id: string): FitJob | undefined;
  list(): FitJob[];
  events(id: string): FitEventLog | undefined;
};

/** @param fits with a queue of this process */
export const atOnce = (fits: FitJobs) => fits as unknown as FitsAtOnce;
