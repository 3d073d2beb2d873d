import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { errors } from '../../src/errors.js';
import { endOfFit } from '../../src/fitting/fit-progress.js';
import { largerBodies } from '../../src/schemas/body-limits.js';
import { errorResponses } from '../../src/schemas/errors.js';
import { FitEvent, FitJob, FitList, FitParams, FitWaitQuery } from '../../src/schemas/fit-jobs.js';
import { FitRequest } from '../../src/schemas/fits.js';
import { eventsOf } from '../../src/schemas/generation.js';
import { EventsHeaders } from '../../src/schemas/job-events.js';

const tags = ['fits'];

const fits: FastifyPluginAsyncZod = async (app) => {
  app.post(
    '/fits',
    {
      config: { scope: 'concepts:write' },
      bodyLimit: largerBodies('fits', app.initialConfig.bodyLimit),
      schema: {
        operationId: 'createFit',
        tags,
        summary: 'Fit a concept',
        description:
          'The model is read where it shows the concept and where it does not; the difference is the concept. Unless the recipe is named, several are tried and the best is kept.',
        querystring: FitWaitQuery,
        body: FitRequest,
        response: { 200: FitJob, ...errorResponses(400, 404, 413, 415, 429, 500, 503, 504) },
      },
    },
    async ({ services, body, query }, reply) => {
      const signal = app.answers.signalFor(reply.raw);
      const job = await services.fits.create(body, signal);
      return query.wait === 'true' ? endOfFit(services.fits, job, signal) : job;
    },
  );

  app.get(
    '/fits',
    {
      config: { scope: 'concepts:read' },
      schema: {
        operationId: 'listFits',
        tags,
        summary: 'List the fits, newest first',
        response: { 200: FitList, ...errorResponses(500, 503) },
      },
    },
    async ({ services }) => ({ object: 'list' as const, data: await services.fits.list() }),
  );

  app.get(
    '/fits/:id',
    {
      config: { scope: 'concepts:read' },
      schema: {
        operationId: 'retrieveFit',
        tags,
        summary: 'Tell how a fit is doing',
        params: FitParams,
        querystring: FitWaitQuery,
        response: { 200: FitJob, ...errorResponses(400, 404, 500, 503, 504) },
      },
    },
    async ({ params: { id }, query, services }, reply) => {
      const job = await services.fits.get(id);
      if (job === undefined) throw errors.fitNotFound(id);
      return query.wait === 'true' ? endOfFit(services.fits, job, app.answers.signalFor(reply.raw)) : job;
    },
  );

  app.get(
    '/fits/:id/events',
    {
      config: { scope: 'concepts:read' },
      schema: {
        operationId: 'streamFitEvents',
        tags,
        summary: 'Follow a fit',
        description:
          'What happened so far, then what happens, until the fit ends. Of the progress of a stage the newest event alone is kept, and about ten batches a second are sent at most.',
        params: FitParams,
        headers: EventsHeaders,
        response: {
          200: {
            description: 'Server-sent events, each with the FitEvent as its data and its type as its name',
            content: { 'text/event-stream': { schema: eventsOf(FitEvent) } },
          },
          204: z.null().meta({ description: 'The fit has ended, and its last event was received.' }),
          ...errorResponses(400, 404, 500, 503),
        },
      },
    },
    async ({ params: { id }, services }, reply) => {
      const log = await services.fits.events(id);
      if (log === undefined) throw errors.fitNotFound(id);
      return reply.jobEventStream(log);
    },
  );

  app.post(
    '/fits/:id/cancel',
    {
      config: { scope: 'concepts:write' },
      schema: {
        operationId: 'cancelFit',
        tags,
        summary: 'Cancel a fit',
        params: FitParams,
        response: { 200: FitJob, ...errorResponses(400, 404, 409, 413, 415, 500, 503) },
      },
    },
    async ({ params: { id }, services }) => services.fits.cancel(id),
  );
};

export default fits;
