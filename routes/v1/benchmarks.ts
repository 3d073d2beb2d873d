import type { Readable } from 'node:stream';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { reportPage } from '../../src/benchmark/report/page.js';
import { wholeRun } from '../../src/benchmark/whole-run.js';
import { event } from '../../src/http/event-stream.js';
import {
  BenchmarkDeleted,
  BenchmarkList,
  BenchmarkParams,
  BenchmarkRequest,
  BenchmarkRun,
} from '../../src/schemas/benchmarks.js';
import { errorResponses } from '../../src/schemas/errors.js';
import { eventsOf } from '../../src/schemas/generation.js';

const tags = ['benchmarks'];
const config = { scope: 'admin' } as const;
const lines = z.custom<Readable>().meta({ type: 'string' });

const benchmarks: FastifyPluginAsyncZod = async (app) => {
  app.post(
    '/benchmarks',
    {
      config,
      schema: {
        operationId: 'createBenchmark',
        tags,
        summary: 'Run the benchmark, as a job',
        description:
          'What `steerd bench concepts` does, judged by the model itself, without a command that must last as long. One runs at a time. A run that was cancelled, or failed, goes on when it is asked for again by its name, and repeats no finished answer.',
        body: BenchmarkRequest,
        response: { 200: BenchmarkRun, ...errorResponses(400, 404, 409, 413, 415, 429, 500, 503, 504) },
      },
    },
    async (request, reply) => {
      const { services, body } = request;
      const model = await services.models.get(body.model, app.answers.signalFor(reply.raw));
      return app.benchmarks.create(body, model.id);
    },
  );

  app.get(
    '/benchmarks',
    {
      config,
      schema: {
        operationId: 'listBenchmarks',
        tags,
        summary: 'List the runs of the benchmark, newest first',
        description:
          'Those that were asked for as jobs, and those in `benchmarks` of the data directory, where `steerd bench concepts --out` puts them if it is told so.',
        response: { 200: BenchmarkList, ...errorResponses(500, 503) },
      },
    },
    async () => ({ object: 'list' as const, data: await app.benchmarks.list() }),
  );

  app.get(
    '/benchmarks/:id',
    {
      config,
      schema: {
        operationId: 'retrieveBenchmark',
        tags,
        summary: 'Tell how far a run is, and what it shows so far',
        params: BenchmarkParams,
        response: { 200: BenchmarkRun, ...errorResponses(400, 404, 500, 503) },
      },
    },
    async ({ params: { id } }) => app.benchmarks.get(id),
  );

  app.get(
    '/benchmarks/:id/events',
    {
      config,
      schema: {
        operationId: 'streamBenchmarkEvents',
        tags,
        summary: 'Follow a run',
        description: 'The run as it is, and again each time when it has gone on, until nobody works on it.',
        params: BenchmarkParams,
        response: {
          200: {
            description: 'Server-sent events, each with the BenchmarkRun as its data',
            content: { 'text/event-stream': { schema: eventsOf(BenchmarkRun) } },
          },
          ...errorResponses(400, 404, 500, 503),
        },
      },
    },
    async ({ params: { id } }, reply) => {
      await app.benchmarks.get(id);
      const runs = app.benchmarks.follow(id, app.answers.signalFor(reply.raw));
      return reply.eventStream(
        (async function* () {
          for await (const run of runs) yield event(JSON.stringify(run), { name: 'progress' });
        })(),
      );
    },
  );

  app.post(
    '/benchmarks/:id/cancel',
    {
      config,
      schema: {
        operationId: 'cancelBenchmark',
        tags,
        summary: 'Cancel the job of a run',
        description: 'What is finished stays: the run goes on when it is asked for again.',
        params: BenchmarkParams,
        response: { 200: BenchmarkRun, ...errorResponses(400, 404, 409, 413, 415, 500, 503) },
      },
    },
    async ({ params: { id } }) => app.benchmarks.cancel(id),
  );

  app.delete(
    '/benchmarks/:id',
    {
      config,
      schema: {
        operationId: 'deleteBenchmark',
        tags,
        summary: 'Delete a run with all that it found',
        params: BenchmarkParams,
        response: { 200: BenchmarkDeleted, ...errorResponses(400, 404, 409, 413, 415, 500, 503) },
      },
    },
    async ({ params: { id } }) => {
      await app.benchmarks.delete(id);
      return { id, object: 'benchmark.deleted' as const, deleted: true as const };
    },
  );

  app.get(
    '/benchmarks/:id/records',
    {
      config,
      schema: {
        operationId: 'readBenchmarkRecords',
        tags,
        summary: 'Read everything that a run has found',
        description:
          "JSON lines: the run's head first (`run.json` of a folder), then a record for each fit, answer and mark, in the order in which they came. `steerd bench fetch` makes a folder of them.",
        params: BenchmarkParams,
        response: {
          200: { description: 'JSON lines', content: { 'application/jsonl': { schema: lines } } },
          ...errorResponses(400, 404, 500, 503),
        },
      },
    },
    async ({ params: { id } }, reply) =>
      reply.type('application/jsonl').send(await wholeRun(app.benchmarks, id)),
  );

  app.get(
    '/benchmarks/:id/report',
    {
      config,
      schema: {
        operationId: 'readBenchmarkReport',
        tags,
        summary: 'Read the report of a run, of what is there so far',
        params: BenchmarkParams,
        response: {
          200: { description: 'A page without script', content: { 'text/html': { schema: z.string() } } },
          ...errorResponses(400, 404, 500, 503),
        },
      },
    },
    async ({ params: { id } }, reply) => {
      const page = await reportPage(app.benchmarks, id, app.answers.signalFor(reply.raw));
      return reply
        .type('text/html; charset=utf-8')
        .header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'; img-src data:")
        .serializer((text: string) => text)
        .send(page);
    },
  );
};

export default benchmarks;
