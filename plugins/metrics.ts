/** Measures every reply, and provides the gauges of /metrics. */
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { loadOf } from '../src/models/model.js';
import type { PluginOptions } from '../src/server/app.js';

async function metricsPlugin(app: FastifyInstance, { services }: PluginOptions): Promise<void> {
  const { metrics } = app;
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'none';
    const labels = { method: request.method, route, status: String(reply.statusCode) };
    metrics.http.observe(labels, reply.elapsedTime / 1000);
  });
  metrics.observe(() => {
    const { models, concepts } = services;
    const loaded = models.loaded();
    const { running, waiting } = loadOf(loaded.map(({ model }) => model));
    const cells = loaded.reduce(
      (sum, { model: { engine } }) => sum + engine.shape.slots * engine.shape.capacity,
      0,
    );
    return {
      running,
      waiting,
      cacheUsage: Math.min(1, metrics.cachedTokens / Math.max(1, cells)),
      modelsLoaded: loaded.length,
      modelBytes: loaded.reduce((sum, { bytes }) => sum + bytes, 0),
      concepts: concepts.list().length,
      answers: app.answers.size,
      ready: models.obstacle() === null && !app.draining,
    };
  });
  const { fits, pulls, imports } = services;
  metrics.observeJobs({
    fit: () => fits.counts(),
    pull: () => pulls.counts(),
    import: () => imports.counts(),
    ...app.measurementJobs.counts,
    benchmark: () => app.benchmarks.counts(),
  });
}

export default fp(metricsPlugin, {
  name: 'metrics',
  dependencies: ['running-answers', 'measurements', 'benchmarks'],
});
