/** What the HTTP layer works with. `server.ts` brings the real ones, tests their own. */
import type { ConceptStore } from './concepts/concept-store.js';
import type { ModelRegistry } from './models/registry.js';
import type { FitJobs } from './steering/fit-jobs.js';

export interface Services {
  readonly models: ModelRegistry;
  readonly concepts: Pick<ConceptStore, 'get' | 'list' | 'names' | 'put' | 'delete'>;
  readonly fits: Pick<FitJobs, 'create' | 'get' | 'list' | 'cancel'>;
}
