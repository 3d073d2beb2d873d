/** What a process has in it just now, for /metrics: models, sequences, concepts, answers. */
import { loadOf } from '../models/model.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { Services } from './services.js';

/** @param http what the application knows; nothing of it where there is none */
export function observeGauges(
  metrics: Metrics,
  { models, concepts }: Pick<Services, 'models' | 'concepts'>,
  http: () => { readonly answers: number; readonly draining: boolean },
): void {
  metrics.observe(() => {
    const loaded = models.loaded();
    const { running, waiting } = loadOf(loaded.map(({ model }) => model));
    const cells = loaded.reduce(
      (sum, { model: { engine } }) => sum + engine.shape.slots * engine.shape.capacity,
      0,
    );
    const { answers, draining } = http();
    return {
      ...{ running, waiting, answers },
      cacheUsage: Math.min(1, metrics.cachedTokens / Math.max(1, cells)),
      modelsLoaded: loaded.length,
      modelBytes: loaded.reduce((sum, { bytes }) => sum + bytes, 0),
      concepts: concepts.list().length,
      ready: models.obstacle() === null && !draining,
    };
  });
}

/** All gauges of a process that answers no requests. */
export function observeWorker(metrics: Metrics, services: Services): void {
  observeGauges(metrics, services, () => ({ answers: 0, draining: false }));
  observeJobs(metrics, services, services.measurements, services.benchmarks);
}

/** The jobs of a process, by kind. Measurements and benchmarks may be the application's own. */
export function observeJobs(
  metrics: Metrics,
  { fits, pulls, imports }: Pick<Services, 'fits' | 'pulls' | 'imports'>,
  measurements: Services['measurements'],
  benchmarks: Services['benchmarks'],
): void {
  metrics.observeJobs({
    fit: () => fits.counts(),
    pull: () => pulls.counts(),
    import: () => imports.counts(),
    ...measurements?.counts,
    ...(benchmarks !== undefined && { benchmark: () => benchmarks.counts() }),
  });
}
