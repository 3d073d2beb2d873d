import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { askSweep } from '../../src/fitting/ask-measurement.js';
import { errorResponses } from '../../src/schemas/errors.js';
import { eventsOf } from '../../src/schemas/generation.js';
import { EventsHeaders } from '../../src/schemas/job-events.js';
import {
  JobWaitQuery,
  SweepEvent,
  SweepJob,
  SweepList,
  SweepParams,
} from '../../src/schemas/measurement-jobs.js';
import { SweepRequest } from '../../src/schemas/measurements.js';

const tags = ['steering'];

const sweeps: FastifyPluginAsyncZod = async (app) => {
  const jobsOf = ({ caller }: { caller: { key: { id: string } } | null }) =>
    app.measurementJobs.sweeps(caller?.key.id ?? null);

  app.post(
    '/sweeps',
    {
      config: { scope: 'completions' },
      schema: {
        operationId: 'createSweep',
        tags,
        summary: 'Compare strengths and concepts, as a job',
        description:
          'What `POST /v1/steering/sweep` does, with its progress, and without a connection that must last as long. One runs at a time; the job keeps the answers of the last ones.',
        querystring: JobWaitQuery,
        body: SweepRequest,
        response: { 200: SweepJob, ...errorResponses(400, 404, 409, 413, 415, 429, 500, 503, 504) },
      },
    },
    async (request, reply) => {
      const { services, body, query, caller } = request;
      const signal = app.answers.signalFor(reply.raw);
      const asker = { ...services, key: caller?.key ?? null };
      const job = await askSweep(app.measurementJobs, body, asker, signal);
      return query.wait === 'true' ? jobsOf(request).end(job.id, signal) : job;
    },
  );

  app.get(
    '/sweeps',
    {
      config: { scope: 'completions' },
      schema: {
        operationId: 'listSweeps',
        tags,
        summary: 'List the sweeps that were asked for as jobs, newest first',
        response: { 200: SweepList, ...errorResponses(500, 503) },
      },
    },
    async (request) => ({ object: 'list' as const, data: await jobsOf(request).list() }),
  );

  app.get(
    '/sweeps/:id',
    {
      config: { scope: 'completions' },
      schema: {
        operationId: 'retrieveSweep',
        tags,
        summary: 'Tell how a sweep is doing, with its answers once it is done',
        params: SweepParams,
        querystring: JobWaitQuery,
        response: { 200: SweepJob, ...errorResponses(400, 404, 500, 503, 504) },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const jobs = jobsOf(request);
      return request.query.wait === 'true' ? jobs.end(id, app.answers.signalFor(reply.raw)) : jobs.get(id);
    },
  );

  app.get(
    '/sweeps/:id/events',
    {
      config: { scope: 'completions' },
      schema: {
        operationId: 'streamSweepEvents',
        tags,
        summary: 'Follow a sweep',
        description: 'As the events of a fit.',
        params: SweepParams,
        headers: EventsHeaders,
        response: {
          200: {
            description: 'Server-sent events, each with the SweepEvent as its data and its type as its name',
            content: { 'text/event-stream': { schema: eventsOf(SweepEvent) } },
          },
          204: z.null().meta({ description: 'The job has ended, and its last event was received.' }),
          ...errorResponses(400, 404, 500, 503),
        },
      },
    },
    async (request, reply) => reply.jobEventStream(await jobsOf(request).events(request.params.id)),
  );

  app.post(
    '/sweeps/:id/cancel',
    {
      config: { scope: 'completions' },
      schema: {
        operationId: 'cancelSweep',
        tags,
        summary: 'Cancel a sweep',
        params: SweepParams,
        response: { 200: SweepJob, ...errorResponses(400, 404, 409, 413, 415, 500, 503) },
      },
    },
    async (request) => jobsOf(request).cancel(request.params.id),
  );
};

export default sweeps;
