import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { errors } from '../../../src/errors.js';
import { errorResponses } from '../../../src/schemas/errors.js';
import { eventsOf } from '../../../src/schemas/generation.js';
import {
  ImportEvent,
  ImportJob,
  ImportList,
  ImportParams,
  ImportRequest,
} from '../../../src/schemas/imports.js';
import { EventsHeaders } from '../../../src/schemas/job-events.js';

const tags = ['models'];

const imports: FastifyPluginAsyncZod = async (app) => {
  app.post(
    '/import',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'importModel',
        tags,
        summary: 'Build a model from a checkpoint',
        description:
          'GGUF or safetensors that lie under a models directory of the server become a model. Answers with a job at once; asking again for what is being imported gives the same job.',
        body: ImportRequest,
        response: { 202: ImportJob, ...errorResponses(400, 409, 413, 415, 429, 500, 503) },
      },
    },
    async (request, reply) => reply.code(202).send(await request.services.imports.create(request.body)),
  );

  app.get(
    '/imports',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'listImports',
        tags,
        summary: 'List the imports, newest first',
        response: { 200: ImportList, ...errorResponses(500, 503) },
      },
    },
    async ({ services }) => ({ object: 'list' as const, data: await services.imports.list() }),
  );

  app.get(
    '/imports/:id',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'retrieveImport',
        tags,
        summary: 'Tell how an import is doing',
        params: ImportParams,
        response: { 200: ImportJob, ...errorResponses(404, 500, 503) },
      },
    },
    async ({ params: { id }, services }) => {
      const job = await services.imports.get(id);
      if (job === undefined) throw errors.importNotFound(id);
      return job;
    },
  );

  app.get(
    '/imports/:id/events',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'streamImportEvents',
        tags,
        summary: 'Follow an import',
        description:
          'What happened so far, then what happens, until the import ends. Of the progress of a stage the newest event alone is kept.',
        params: ImportParams,
        headers: EventsHeaders,
        response: {
          200: {
            description: 'Server-sent events, each with the ImportEvent as its data and its type as its name',
            content: { 'text/event-stream': { schema: eventsOf(ImportEvent) } },
          },
          204: z.null().meta({ description: 'The import has ended, and its last event was received.' }),
          ...errorResponses(400, 404, 500, 503),
        },
      },
    },
    async ({ params: { id }, services }, reply) => {
      const log = await services.imports.events(id);
      if (log === undefined) throw errors.importNotFound(id);
      return reply.jobEventStream(log);
    },
  );

  app.delete(
    '/imports/:id',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'cancelImport',
        tags,
        summary: 'Cancel an import',
        description: 'Nothing is left of it.',
        params: ImportParams,
        response: { 200: ImportJob, ...errorResponses(400, 404, 409, 413, 415, 500, 503) },
      },
    },
    async ({ params: { id }, services }) => services.imports.cancel(id),
  );
};

export default imports;
