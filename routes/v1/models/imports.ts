import { Readable } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { errors } from '../../../src/errors.js';
import { withoutHurry } from '../../../src/http/refused-connection.js';
import { errorResponses } from '../../../src/schemas/errors.js';
import { eventsOf } from '../../../src/schemas/generation.js';
import {
  ImportEvent,
  ImportJob,
  ImportList,
  ImportParams,
  ImportRequest,
  type UploadFields,
  UploadQuery,
} from '../../../src/schemas/imports.js';
import { EventsHeaders } from '../../../src/schemas/job-events.js';
import { validated } from '../../../src/schemas/validation.js';

const tags = ['models'];

const imports: FastifyPluginAsyncZod = async (app) => {
  await app.register(bodies);

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

/** Apart, for here any content type is read: what is no JSON is a checkpoint, and comes as a stream. */
const bodies: FastifyPluginAsyncZod = async (app) => {
  app.addContentTypeParser('*', async (_: unknown, body: Readable) => body);

  app.post(
    '/import',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'importModel',
        tags,
        summary: 'Build a model from a checkpoint',
        description:
          'GGUF or safetensors that lie under a models directory of the server become a model. Answers with a job at once; asking again for what is being imported gives the same job. A body of another content type is an upload, as with PUT.',
        querystring: UploadQuery,
        body: z.custom<unknown>().meta({ $ref: '#/components/schemas/ImportRequestInput' }),
        response: { 202: ImportJob, ...errorResponses(400, 403, 408, 409, 413, 415, 429, 500, 503, 507) },
      },
    },
    async (request, reply) => {
      const { body, services } = request;
      const job = isUpload(body)
        ? await upload(request, body)
        : await services.imports.create(validated(ImportRequest, body ?? undefined));
      return reply.code(202).send(job);
    },
  );

  app.put(
    '/import',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'uploadModel',
        tags,
        summary: 'Upload a checkpoint, and build a model from it',
        description:
          'The body is a GGUF file, or a form (multipart/form-data) with the files of a checkpoint: config.json, tokenizer.json and the .safetensors files, or the parts of a GGUF. Switched off unless STEERD_UPLOAD_LIMIT says how large it may be. Answers with a job when all of it has come. An upload that is broken off leaves nothing.',
        consumes: ['application/octet-stream', 'multipart/form-data'],
        querystring: UploadQuery,
        body: z.custom<unknown>().meta({ type: 'string', format: 'binary' }),
        response: { 202: ImportJob, ...errorResponses(400, 403, 408, 409, 413, 415, 429, 500, 503, 507) },
      },
    },
    async (request, reply) => {
      const { body } = request;
      if (!isUpload(body))
        throw errors.uploadInvalid(body == null ? 'it is empty' : 'its content-type is JSON');
      return reply.code(202).send(await upload(request, body));
    },
  );
};

const isUpload = (body: unknown): body is Readable => body instanceof Readable;

const upload = (
  { raw, headers, query, services }: FastifyRequest & { readonly query: UploadFields },
  body: Readable,
) =>
  // Gigabytes take longer than STEERD_BODY_SECONDS; they are held to a speed instead.
  withoutHurry(raw.socket, () =>
    services.imports.upload(body, {
      contentType: headers['content-type'],
      contentLength: headers['content-length'] === undefined ? undefined : Number(headers['content-length']),
      fields: query,
    }),
  );

export default imports;
