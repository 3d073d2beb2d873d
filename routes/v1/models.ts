import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { aliasOf, namedModel } from '../../src/completions/model-alias.js';
import { errorResponses } from '../../src/schemas/errors.js';
import {
  ModelList,
  ModelListQuery,
  ModelObject,
  ModelParams,
  toModelObject,
} from '../../src/schemas/models.js';
import { findConcept } from '../../src/steering/resolve.js';

const models: FastifyPluginAsyncZod = async (app) => {
  app.get(
    '/models',
    {
      schema: {
        operationId: 'listModels',
        tags: ['models'],
        summary: 'List the models',
        querystring: ModelListQuery,
        response: { 200: ModelList, ...errorResponses(400, 500, 503) },
      },
    },
    async ({ query }) => {
      const { models, concepts } = app.services;
      const data = models.ids().flatMap((id) => {
        const model = toModelObject(models.get(id));
        const names = query.aliases === 'true' ? concepts.names(id) : [];
        return [model, ...names.map((name) => ({ ...model, id: aliasOf(id, name), parent: id }))];
      });
      return { object: 'list' as const, data };
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
    async ({ params: { id } }) => {
      const { models, concepts } = app.services;
      const { model, steering } = namedModel(id, models);
      const described = toModelObject(model);
      if (steering === null) return described;
      const context = { model: { id: model.id, shape: model.engine.shape }, concepts };
      for (const { concept } of steering) findConcept(concept, context, 'model');
      return { ...described, id, parent: model.id };
    },
  );
};

export default models;
