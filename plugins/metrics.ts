/** Measures every reply, and provides the gauges of /metrics. */
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import type { PluginOptions } from '../src/server/app.js';
import { observeGauges, observeJobs } from '../src/server/gauges.js';

async function metricsPlugin(app: FastifyInstance, { services }: PluginOptions): Promise<void> {
  const { metrics } = app;
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'none';
    const labels = { method: request.method, route, status: String(reply.statusCode) };
    metrics.http.observe(labels, reply.elapsedTime / 1000);
  });
  observeGauges(metrics, services, () => ({ answers: app.answers.size, draining: app.draining }));
  observeJobs(metrics, services, app.measurementJobs, app.benchmarks);
}

export default fp(metricsPlugin, {
  name: 'metrics',
  dependencies: ['running-answers', 'measurements', 'benchmarks'],
});
