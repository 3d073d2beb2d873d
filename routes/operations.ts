import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { detokenize, tokenize } from '../src/completions/tokenize.js';
import { loadOf } from '../src/models/serve/load-sum.js';
import { modelId } from '../src/models/serve/registry.js';
import { errorResponses } from '../src/schemas/errors.js';
import {
  Detokenized,
  DetokenizeRequest,
  Load,
  LoadQuery,
  Tokenized,
  TokenizeRequest,
} from '../src/schemas/operations.js';

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
        description: 'All models that are loaded taken together, or one of them.',
        querystring: LoadQuery,
        response: { 200: Load, ...errorResponses(400, 404, 500, 503) },
      },
    },
    async ({ query }) => {
      const { models } = app.services;
      const asked = query.model === undefined ? undefined : await modelId(models, query.model);
      const obstacle = asked === undefined ? models.obstacle() : null;
      if (obstacle !== null) throw obstacle;
      const loaded = models.loaded().filter(({ model }) => asked === undefined || model.id === asked);
      return { server_load: app.answers.size, ...loadOf(loaded.map(({ model }) => model)) };
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
    async ({ body }, reply) =>
      tokenize(body, await app.services.models.get(body.model ?? undefined, app.answers.open(reply.raw))),
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
    async ({ body }, reply) => {
      const signal = app.answers.open(reply.raw);
      return { prompt: detokenize(body, await app.services.models.get(body.model ?? undefined, signal)) };
    },
  );
};

export default operations;
