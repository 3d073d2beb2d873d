/** What the HTTP layer works with. `open-services.ts` brings the real ones, tests their own. */
import type { AccessControl } from '../access/access-control.js';
import type { ManagedKeys } from '../access/managed-keys.js';
import type { BenchmarkJobs } from '../benchmark/benchmark-jobs.js';
import type { OwnResponses, ResponseKeeping } from '../completions/response-store.js';
import type { ModelsAndConcepts } from '../concepts/concept-lookup.js';
import type { FitJobs } from '../fitting/fit-jobs.js';
import type { MeasurementJobs } from '../fitting/measurement-jobs.js';
import type { ImportJobs } from '../models/import/import-jobs.js';
import type { PullJobs } from '../models/pull/pull-jobs.js';
import type { Metrics } from '../telemetry/metrics.js';

type JobCalls = 'create' | 'get' | 'list' | 'cancel' | 'events';

export interface Services extends ModelsAndConcepts {
  readonly fits: Pick<FitJobs, JobCalls | 'unfinished' | 'counts'>;
  readonly pulls: Pick<PullJobs, JobCalls | 'counts'>;
  readonly imports: Pick<ImportJobs, JobCalls | 'upload' | 'counts'>;
  /** Calibrations and sweeps that are jobs; the application's own without. */
  readonly measurements?: MeasurementJobs;
  /** Runs of the benchmark; the application's own without. */
  readonly benchmarks?: BenchmarkJobs;
  /** Who may do what; without it everybody may do everything. */
  readonly access?: AccessControl;
  /** Responses that later requests may refer to; the application's own without. */
  readonly responses?: ResponseKeeping;
  /** Counts for /metrics, where others count too; the application's own without. */
  readonly metrics?: Metrics;
}

/** What a route works with: the services as the caller of its request may use them. */
export interface CallerServices extends Pick<Services, 'models' | 'concepts'> {
  readonly fits: Pick<FitJobs, JobCalls | 'unfinished'>;
  readonly pulls: Pick<PullJobs, JobCalls>;
  readonly imports: Pick<ImportJobs, JobCalls | 'upload'>;
  readonly responses: OwnResponses;
  readonly keys: ManagedKeys;
}
