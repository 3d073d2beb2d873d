/** The runs of the benchmark that lie in the data directory. */
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { BenchmarkRuns } from '../src/benchmark/watch.js';
import type { PluginOptions } from '../src/server/app.js';

declare module 'fastify' {
  interface FastifyInstance {
    readonly benchmarks: BenchmarkRuns;
  }
}

async function benchmarks(
  app: FastifyInstance,
  { settings: { dataDirectory } }: PluginOptions,
): Promise<void> {
  const folder = dataDirectory === '' ? null : join(dataDirectory, 'benchmarks');
  app.decorate('benchmarks', new BenchmarkRuns(folder));
}

export default fp(benchmarks, { name: 'benchmarks' });
