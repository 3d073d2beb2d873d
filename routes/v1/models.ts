import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { errorResponses } from '../../src/schemas/errors.js';
import { ModelList, ModelObject, ModelParams, toModelObject } from '../../src/schemas/models.js';

const models: FastifyPluginAsyncZod = async (app) => {
  app.get(
    '/models',
    {
      schema: {
        operationId: 'listModels',
        tags: ['models'],
        summary: 'List the models',
        response: { 200: ModelList, ...errorResponses(500, 503) },
      },
    },
    async () => {
      const { models } = app.services;
      return { object: 'list' as const, data: models.ids().map((id) => toModelObject(models.get(id))) };
    },
  );

  app.get(
    '/models/:id',
    {
      schema: {
        operationId: 'retrieveModel',
        tags: ['models'],
        summary: 'Describe a model',
        params: ModelParams,
        response: { 200: ModelObject, ...errorResponses(404, 500, 503) },
      },
    },
    async (request) => toModelObject(app.services.models.get(request.params.id)),
  );
};

export default models;
