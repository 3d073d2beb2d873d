/** What the HTTP layer works with. `server.ts` brings the real ones, tests their own. */
import type { AccessControl } from './access/access-control.js';
import type { ConceptStore } from './concepts/concept-store.js';
import type { PullJobs } from './models/pull-jobs.js';
import type { ModelRegistry } from './models/registry.js';
import type { FitJobs } from './steering/fit-jobs.js';
import type { Metrics } from './telemetry/metrics.js';

export interface Services {
  readonly models: ModelRegistry;
  readonly concepts: Pick<ConceptStore, 'get' | 'list' | 'names' | 'modelsWith' | 'put' | 'delete'> & {
    /** Largest calibrated |strength| that the request at work may ask for; no cap when undefined. */
    readonly maxStrength?: number | undefined;
    /** @throws SteerdError when the request at work may not bring its own vectors */
    checkInline?(param: string, use: 'steering' | 'monitor'): void;
  };
  readonly fits: Pick<FitJobs, 'create' | 'get' | 'list' | 'cancel' | 'events'>;
  readonly pulls: Pick<PullJobs, 'create' | 'get' | 'list' | 'cancel' | 'events'>;
  /** Who may do what; without it everybody may do everything. */
  readonly access?: AccessControl;
  /** Counts for /metrics, where others count too; the application's own without. */
  readonly metrics?: Metrics;
}
