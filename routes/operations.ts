import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { packageVersion } from '../src/common/package.js';
import { errors } from '../src/errors.js';
import { errorResponses } from '../src/schemas/errors.js';
import { Health, Load, LoadQuery, Ready, serverName, Version } from '../src/schemas/operations.js';
import { describeLoad } from '../src/server/load-object.js';

const tags = ['server'];

const operations: FastifyPluginAsyncZod = async (app) => {
  const { registry } = app.metrics;

  app.get(
    '/health',
    {
      config: { scope: 'public' },
      schema: {
        operationId: 'health',
        tags,
        summary: 'Whether the server is alive',
        response: { 200: Health, ...errorResponses(500, 503) },
      },
    },
    async () => ({ status: 'ok' as const }),
  );

  app.get(
    '/ready',
    {
      config: { scope: 'public' },
      schema: {
        operationId: 'ready',
        tags,
        summary: 'Whether the default model can answer',
        response: { 200: Ready, ...errorResponses(500, 503) },
      },
    },
    async ({ services: { models } }) => {
      if (app.draining) throw errors.stopping();
      const obstacle = models.obstacle();
      if (obstacle !== null) throw obstacle;
      return { status: 'ready' as const, models: [...models.ids()] };
    },
  );

  app.get(
    '/version',
    {
      config: { scope: 'public' },
      schema: {
        operationId: 'version',
        tags,
        summary: 'Which version this is',
        response: { 200: Version, ...errorResponses(500, 503) },
      },
    },
    async () => ({ name: serverName, version: packageVersion }),
  );

  app.get(
    '/metrics',
    {
      config: { scope: 'metrics' },
      schema: {
        operationId: 'metrics',
        tags,
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
      config: { scope: 'metrics' },
      schema: {
        operationId: 'load',
        tags,
        summary: 'How busy the server is',
        description: 'All models that are loaded taken together, or one of them.',
        querystring: LoadQuery,
        response: { 200: Load, ...errorResponses(400, 404, 500, 503) },
      },
    },
    async ({ query, services: { models } }) => describeLoad(models, query.model, app.answers.size),
  );

  app.get('/openapi.json', { config: { scope: 'public' }, schema: { hide: true } }, async () =>
    app.swagger(),
  );
};

export default operations;
