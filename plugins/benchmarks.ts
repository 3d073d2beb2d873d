/** The runs of the benchmark; those that are jobs have a queue, which ends with the application. */
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { BenchmarkJobs } from '../src/benchmark/benchmark-jobs.js';
import { FolderRuns } from '../src/benchmark/run-keeping.js';
import type { PluginOptions } from '../src/server/app.js';
import { injectedApi } from '../src/server/inner-api.js';

declare module 'fastify' {
  interface FastifyInstance {
    readonly benchmarks: BenchmarkJobs;
  }
}

async function benchmarks(
  app: FastifyInstance,
  { settings: { dataDirectory }, services }: PluginOptions,
): Promise<void> {
  const keeping = new FolderRuns(dataDirectory === '' ? null : join(dataDirectory, 'benchmarks'));
  const openApi = async () => ({ ...injectedApi(app), close: async () => {} });
  const jobs = services.benchmarks ?? new BenchmarkJobs({ keeping, openApi, log: app.log });
  app.decorate('benchmarks', jobs);
  app.addHook('preClose', () => jobs.close());
}

export default fp(benchmarks, { name: 'benchmarks' });
