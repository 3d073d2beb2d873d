import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { packageVersion } from '../src/common/package-version.js';
import { errorResponses } from '../src/schemas/errors.js';
import { Health, Ready, Version } from '../src/schemas/health.js';

const tags = ['server'];

const server: FastifyPluginAsyncZod = async (app) => {
  app.get(
    '/health',
    {
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
      schema: {
        operationId: 'ready',
        tags,
        summary: 'Whether the default model can answer',
        response: { 200: Ready, ...errorResponses(500, 503) },
      },
    },
    async () => {
      const { models } = app.services;
      const obstacle = models.obstacle();
      if (obstacle !== null) throw obstacle;
      return { status: 'ready' as const, models: [...models.ids()] };
    },
  );

  app.get(
    '/version',
    {
      schema: {
        operationId: 'version',
        tags,
        summary: 'Which version this is',
        response: { 200: Version, ...errorResponses(500, 503) },
      },
    },
    async () => ({ version: packageVersion }),
  );

  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger());

  app.get('/', { schema: { hide: true } }, async (_, reply) => reply.redirect('/docs'));
};

export default server;
