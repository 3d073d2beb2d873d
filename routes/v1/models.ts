import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { aliasOf, readModelName } from '../../src/completions/model-alias.js';
import { storedConcept } from '../../src/concepts/concept-lookup.js';
import { errorResponses } from '../../src/schemas/errors.js';
import { ModelList, ModelListQuery, ModelObject, ModelParams } from '../../src/schemas/models.js';
import { describeModel, toModelObject } from '../../src/server/model-object.js';

const models: FastifyPluginAsyncZod = async (app) => {
  app.get(
    '/models',
    {
      config: { scope: 'any' },
      schema: {
        operationId: 'listModels',
        tags: ['models'],
        summary: 'List the models',
        querystring: ModelListQuery,
        response: { 200: ModelList, ...errorResponses(400, 500, 503) },
      },
    },
    async ({ query, services: { models, concepts } }) => {
      const all = await models.list();
      const data = all.flatMap((status) => {
        const { id } = status;
        const names = concepts.names(id);
        const model = toModelObject(status, names.length);
        const aliased = query.aliases === 'true' ? names : [];
        return [model, ...aliased.map((name) => ({ ...model, id: aliasOf(id, name), parent: id }))];
      });
      return { object: 'list' as const, data };
    },
  );

  app.get(
    '/models/:id',
    {
      config: { scope: 'any' },
      schema: {
        operationId: 'retrieveModel',
        tags: ['models'],
        summary: 'Describe a model',
        params: ModelParams,
        response: { 200: ModelObject, ...errorResponses(400, 404, 409, 500, 503) },
      },
    },
    async ({ params: { id }, services }) => {
      const { id: model, steering } = await readModelName(id, services.models);
      const described = await describeModel(model, services);
      if (steering === null) return described;
      for (const { concept } of steering) await storedConcept(services.concepts, model, concept, 'model');
      return { ...described, id, parent: model };
    },
  );
};

export default models;
