import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { errorResponses } from '../../src/schemas/errors.js';
import { ModelObject, ModelParams, toModelObject, UnloadRequest } from '../../src/schemas/models.js';

const tags = ['models'];

const modelLoading: FastifyPluginAsyncZod = async (app) => {
  const describe = async (id: string): Promise<ModelObject> => {
    const { models, concepts } = app.services;
    return toModelObject(await models.status(id), concepts.names(id).length);
  };

  app.post(
    '/models/:id/load',
    {
      schema: {
        operationId: 'loadModel',
        tags,
        summary: 'Load a model before anybody asks for it',
        description: 'Answers when it is loaded; one that is loaded already stays so.',
        params: ModelParams,
        response: { 200: ModelObject, ...errorResponses(400, 404, 413, 415, 500, 503) },
      },
    },
    async ({ params: { id } }, reply) => {
      await app.services.models.get(id, app.answers.open(reply.raw));
      return describe(id);
    },
  );

  app.post(
    '/models/:id/unload',
    {
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
    async ({ params: { id }, body }) => {
      await app.services.models.unload(id, body.force);
      return describe(id);
    },
  );
};

export default modelLoading;
