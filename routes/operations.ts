import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { errorResponses } from '../src/schemas/errors.js';
import {
  Detokenized,
  DetokenizeRequest,
  Load,
  Tokenized,
  TokenizeRequest,
} from '../src/schemas/operations.js';
import { detokenize, tokenize } from '../src/text/tokenize.js';

const operations: FastifyPluginAsyncZod = async (app) => {
  const { registry } = app.telemetry.metrics;

  app.get(
    '/metrics',
    {
      schema: {
        operationId: 'metrics',
        tags: ['server'],
        summary: 'Counters and histograms for Prometheus',
        response: {
          200: {
            description: "Prometheus's text format",
            content: { 'text/plain': { schema: z.string() } },
          },
          ...errorResponses(500, 503),
        },
      },
    },
    async (_, reply) =>
      reply
        .type(registry.contentType)
        .serializer((text: string) => text)
        .send(await registry.metrics()),
  );

  app.get(
    '/load',
    {
      schema: {
        operationId: 'load',
        tags: ['server'],
        summary: 'How busy the server is',
        response: { 200: Load, ...errorResponses(500, 503) },
      },
    },
    async () => {
      const { engine } = app.services.models.get();
      return { server_load: app.answers.size, ...engine.load(), slots: engine.shape.slots };
    },
  );

  app.post(
    '/tokenize',
    {
      schema: {
        operationId: 'tokenize',
        tags: ['completions'],
        summary: 'Turn a text or messages into token ids',
        body: TokenizeRequest,
        response: { 200: Tokenized, ...errorResponses(400, 404, 413, 415, 500, 503) },
      },
    },
    async ({ body }) => tokenize(body, app.services.models.get(body.model ?? undefined)),
  );

  app.post(
    '/detokenize',
    {
      schema: {
        operationId: 'detokenize',
        tags: ['completions'],
        summary: 'Turn token ids into text',
        body: DetokenizeRequest,
        response: { 200: Detokenized, ...errorResponses(400, 404, 413, 415, 500, 503) },
      },
    },
    async ({ body }) => ({ prompt: detokenize(body, app.services.models.get(body.model ?? undefined)) }),
  );
};

export default operations;
