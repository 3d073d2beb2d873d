/** Measures every reply, and says at /metrics what is going on. */
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';

async function metricsPlugin(app: FastifyInstance): Promise<void> {
  const { metrics, observed } = app.telemetry;
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'none';
    const labels = { method: request.method, route, status: String(reply.statusCode) };
    metrics.http.observe(labels, reply.elapsedTime / 1000);
  });
  metrics.observe(() => {
    const { models, concepts, fits } = observed.inner;
    const model = models.ready() ? models.get() : undefined;
    const load = model?.engine.load() ?? { running: 0, waiting: 0 };
    const { slots, capacity } = model?.engine.shape ?? { slots: 1, capacity: 1 };
    const counts: Record<string, number> = {};
    for (const { status } of fits.list()) counts[status] = (counts[status] ?? 0) + 1;
    return {
      ...load,
      cacheUsage: Math.min(1, observed.cachedTokens / (slots * capacity)),
      concepts: concepts.list().length,
      answers: app.answers.size,
      ready: model !== undefined,
      fits: counts,
    };
  });
}

export default fp(metricsPlugin, { name: 'metrics', dependencies: ['running-answers'] });
