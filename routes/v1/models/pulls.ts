import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { errors } from '../../../src/errors.js';
import { errorResponses } from '../../../src/schemas/errors.js';
import { eventsOf } from '../../../src/schemas/generation.js';
import { EventsHeaders } from '../../../src/schemas/job-events.js';
import { PullEvent, PullJob, PullList, PullParams, PullRequest } from '../../../src/schemas/pulls.js';

const tags = ['models'];

const pulls: FastifyPluginAsyncZod = async (app) => {
  app.post(
    '/pull',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'pullModel',
        tags,
        summary: 'Bring a model from a hub',
        description:
          'Answers with a job at once. Asking again for what is being pulled gives the same job; what a broken-off pull left is continued.',
        body: PullRequest,
        response: { 202: PullJob, ...errorResponses(400, 409, 413, 415, 429, 500, 503) },
      },
    },
    async (request, reply) => reply.code(202).send(await request.services.pulls.create(request.body)),
  );

  app.get(
    '/pulls',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'listPulls',
        tags,
        summary: 'List the pulls, newest first',
        response: { 200: PullList, ...errorResponses(500, 503) },
      },
    },
    async ({ services }) => ({ object: 'list' as const, data: await services.pulls.list() }),
  );

  app.get(
    '/pulls/:id',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'retrievePull',
        tags,
        summary: 'Tell how a pull is doing',
        params: PullParams,
        response: { 200: PullJob, ...errorResponses(404, 500, 503) },
      },
    },
    async ({ params: { id }, services }) => {
      const job = await services.pulls.get(id);
      if (job === undefined) throw errors.pullNotFound(id);
      return job;
    },
  );

  app.get(
    '/pulls/:id/events',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'streamPullEvents',
        tags,
        summary: 'Follow a pull',
        description:
          'What happened so far, then what happens, until the pull ends. Of the progress of a stage the newest event alone is kept.',
        params: PullParams,
        headers: EventsHeaders,
        response: {
          200: {
            description: 'Server-sent events, each with the PullEvent as its data and its type as its name',
            content: { 'text/event-stream': { schema: eventsOf(PullEvent) } },
          },
          204: z.null().meta({ description: 'The pull has ended, and its last event was received.' }),
          ...errorResponses(400, 404, 500, 503),
        },
      },
    },
    async ({ params: { id }, services }, reply) => {
      const log = await services.pulls.events(id);
      if (log === undefined) throw errors.pullNotFound(id);
      return reply.jobEventStream(log);
    },
  );

  app.delete(
    '/pulls/:id',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'cancelPull',
        tags,
        summary: 'Cancel a pull',
        description: 'What has come is kept: the next pull of the same model goes on with it.',
        params: PullParams,
        response: { 200: PullJob, ...errorResponses(400, 404, 409, 413, 415, 500, 503) },
      },
    },
    async ({ params: { id }, services }) => services.pulls.cancel(id),
  );
};

export default pulls;
