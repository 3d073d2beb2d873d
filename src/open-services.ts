/** The real services, from the settings: the concepts on disk, the model in its worker, the fits. */
import { join } from 'node:path';
import { ConceptStore } from './concepts/concept-store.js';
import type { Settings } from './config.js';
import { WorkerModelRegistry } from './models/registry.js';
import type { OpenedServices, ServerLog } from './server.js';
import { FitJobs } from './steering/fit-jobs.js';

/** Concepts are read before this returns; the model goes on loading. */
export async function openServices(settings: Settings, log: ServerLog): Promise<OpenedServices> {
  const { dataDirectory, modelsDirectory, model } = settings;
  const concepts = await ConceptStore.open({
    dataDirectory,
    shipped: [join(modelsDirectory, model, 'concepts')],
  });
  for (const { file, name, reason } of concepts.refused) {
    log.error({ file, concept: name, reason }, 'concept file refused');
  }
  const models = WorkerModelRegistry.start({ ...settings, log });
  const fits = new FitJobs({ models, concepts, log });
  return { models, concepts, fits, loaded: models.firstLoad };
}
