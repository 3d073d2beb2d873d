import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { errorResponses } from '../../src/schemas/errors.js';
import { ModelObject, ModelParams, UnloadRequest } from '../../src/schemas/models.js';
import { describeModel } from '../../src/server/model-object.js';

const tags = ['models'];

const modelLoading: FastifyPluginAsyncZod = async (app) => {
  app.post(
    '/models/:id/load',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'loadModel',
        tags,
        summary: 'Load a model before anybody asks for it',
        description: 'Answers when it is loaded; one that is loaded already stays so.',
        params: ModelParams,
        response: { 200: ModelObject, ...errorResponses(400, 404, 413, 415, 500, 503) },
      },
    },
    async ({ params: { id }, services }, reply) => {
      await services.models.get(id, app.answers.signalFor(reply.raw));
      return describeModel(id, services);
    },
  );

  app.post(
    '/models/:id/unload',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'unloadModel',
        tags,
        summary: "Give a model's memory back",
        description:
          'Answers when it is unloaded. The next request that names it loads it again, the default one too.',
        params: ModelParams,
        body: UnloadRequest.default({ force: false }),
        response: { 200: ModelObject, ...errorResponses(400, 404, 409, 413, 415, 500, 503) },
      },
    },
    async ({ params: { id }, body, services }) => {
      await services.models.unload(id, body.force);
      return describeModel(id, services);
    },
  );
};

export default modelLoading;
