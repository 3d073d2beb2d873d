import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { errorResponses } from '../../src/schemas/errors.js';
import { KeyList, KeyParams, KeyRequest, MadeKey, RevokedKey } from '../../src/schemas/keys.js';

const tags = ['keys'];

const keys: FastifyPluginAsyncZod = async (app) => {
  app.get(
    '/keys',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'listKeys',
        tags,
        summary: 'List the API keys and what they may do',
        response: { 200: KeyList, ...errorResponses(500, 503) },
      },
    },
    ({ services }) => services.keys.list(),
  );

  app.post(
    '/keys',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'createKey',
        tags,
        summary: 'Make an API key',
        description:
          "Its secret is in this answer and nowhere else. The first key is made on the server's own machine: `steerd keys add NAME --scopes admin`.",
        body: KeyRequest,
        response: { 201: MadeKey, ...errorResponses(400, 409, 413, 415, 500, 503, 507) },
      },
    },
    async ({ body, services }, reply) => reply.code(201).send(await services.keys.add(body)),
  );

  app.delete(
    '/keys/:id',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'revokeKey',
        tags,
        summary: 'Revoke an API key',
        description: 'Requests that come later are refused; those that run go on.',
        params: KeyParams,
        response: { 200: RevokedKey, ...errorResponses(400, 404, 409, 413, 415, 500, 503, 507) },
      },
    },
    ({ params, services }) => services.keys.revoke(params.id),
  );
};

export default keys;
