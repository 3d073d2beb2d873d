import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { askCalibration } from '../../src/fitting/ask-measurement.js';
import { errorResponses } from '../../src/schemas/errors.js';
import { eventsOf } from '../../src/schemas/generation.js';
import { EventsHeaders } from '../../src/schemas/job-events.js';
import {
  CalibrationEvent,
  CalibrationJob,
  CalibrationList,
  CalibrationParams,
  JobWaitQuery,
} from '../../src/schemas/measurement-jobs.js';
import { CalibrationJobRequest } from '../../src/schemas/measurements.js';

const tags = ['concepts'];

const calibrations: FastifyPluginAsyncZod = async (app) => {
  const jobsOf = ({ caller }: { caller: { key: { id: string } } | null }) =>
    app.measurementJobs.calibrations(caller?.key.id ?? null);

  app.post(
    '/calibrations',
    {
      config: { scope: 'concepts:write' },
      schema: {
        operationId: 'createCalibration',
        tags,
        summary: 'Measure what strength 1 means, as a job',
        description:
          'What `POST /v1/concepts/{name}/calibrate` does, with its progress, and without a connection that must last as long. One runs at a time.',
        querystring: JobWaitQuery,
        body: CalibrationJobRequest,
        response: { 200: CalibrationJob, ...errorResponses(400, 404, 409, 413, 415, 429, 500, 503, 504) },
      },
    },
    async (request, reply) => {
      const { services, body, query, caller } = request;
      const signal = app.answers.signalFor(reply.raw);
      const asker = { ...services, key: caller?.key ?? null };
      const job = await askCalibration(app.measurementJobs, body, asker, signal);
      return query.wait === 'true' ? jobsOf(request).end(job.id, signal) : job;
    },
  );

  app.get(
    '/calibrations',
    {
      config: { scope: 'concepts:read' },
      schema: {
        operationId: 'listCalibrations',
        tags,
        summary: 'List the calibrations that were asked for as jobs, newest first',
        response: { 200: CalibrationList, ...errorResponses(500, 503) },
      },
    },
    async (request) => ({ object: 'list' as const, data: await jobsOf(request).list() }),
  );

  app.get(
    '/calibrations/:id',
    {
      config: { scope: 'concepts:read' },
      schema: {
        operationId: 'retrieveCalibration',
        tags,
        summary: 'Tell how a calibration is doing',
        params: CalibrationParams,
        querystring: JobWaitQuery,
        response: { 200: CalibrationJob, ...errorResponses(400, 404, 500, 503, 504) },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const jobs = jobsOf(request);
      return request.query.wait === 'true' ? jobs.end(id, app.answers.signalFor(reply.raw)) : jobs.get(id);
    },
  );

  app.get(
    '/calibrations/:id/events',
    {
      config: { scope: 'concepts:read' },
      schema: {
        operationId: 'streamCalibrationEvents',
        tags,
        summary: 'Follow a calibration',
        description: 'As the events of a fit.',
        params: CalibrationParams,
        headers: EventsHeaders,
        response: {
          200: {
            description:
              'Server-sent events, each with the CalibrationEvent as its data and its type as its name',
            content: { 'text/event-stream': { schema: eventsOf(CalibrationEvent) } },
          },
          204: z.null().meta({ description: 'The job has ended, and its last event was received.' }),
          ...errorResponses(400, 404, 500, 503),
        },
      },
    },
    async (request, reply) => reply.jobEventStream(await jobsOf(request).events(request.params.id)),
  );

  app.post(
    '/calibrations/:id/cancel',
    {
      config: { scope: 'concepts:write' },
      schema: {
        operationId: 'cancelCalibration',
        tags,
        summary: 'Cancel a calibration',
        params: CalibrationParams,
        response: { 200: CalibrationJob, ...errorResponses(400, 404, 409, 413, 415, 500, 503) },
      },
    },
    async (request) => jobsOf(request).cancel(request.params.id),
  );
};

export default calibrations;
