import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { compareConcepts } from '../../src/concepts/compare-concepts.js';
import { conceptAttention } from '../../src/concepts/concept-attention.js';
import { storedConcept } from '../../src/concepts/concept-lookup.js';
import { modelId } from '../../src/models/registry.js';
import { largerBodies } from '../../src/schemas/body-limits.js';
import { ConceptAttention } from '../../src/schemas/concept-attention.js';
import {
  ConceptList,
  ConceptObject,
  ConceptPageQuery,
  ConceptParams,
  ConceptSimilarity,
  DeletedConcept,
  RenameRequest,
  RestoreRequest,
  SimilarityQuery,
} from '../../src/schemas/concepts.js';
import { errorResponses } from '../../src/schemas/errors.js';
import { FitJob } from '../../src/schemas/fit-jobs.js';
import { FitRequest } from '../../src/schemas/fits.js';
import { ModelQuery } from '../../src/schemas/models.js';
import { conceptPage, toConceptObject } from '../../src/server/concept-object.js';

const tags = ['concepts'];

const concepts: FastifyPluginAsyncZod = async (app) => {
  app.get(
    '/concepts',
    {
      config: { scope: 'concepts:read' },
      schema: {
        operationId: 'listConcepts',
        tags,
        summary: 'List the concepts',
        description:
          'Without a model: the concepts of all. By pages: `after` is the `next` of the page before.',
        querystring: ConceptPageQuery,
        response: { 200: ConceptList, ...errorResponses(400, 404, 500, 503) },
      },
    },
    async ({ query, services }) => {
      const model = query.model === undefined ? undefined : await modelId(services.models, query.model);
      return conceptPage(services.concepts, query, model);
    },
  );

  app.post(
    '/concepts',
    {
      config: { scope: 'concepts:write' },
      bodyLimit: largerBodies('fits', app.initialConfig.bodyLimit),
      schema: {
        operationId: 'createConcept',
        tags,
        summary: 'Make a concept: start a fit',
        body: FitRequest,
        response: {
          202: { description: 'The fit that makes it', content: { 'application/json': { schema: FitJob } } },
          ...errorResponses(400, 404, 413, 415, 429, 500, 503, 507),
        },
      },
    },
    async (request, reply) => {
      const job = await request.services.fits.create(request.body, app.answers.signalFor(reply.raw));
      return reply.code(202).header('location', `/v1/fits/${job.id}`).send(job);
    },
  );

  app.get(
    '/concepts/similarity',
    {
      config: { scope: 'concepts:read' },
      schema: {
        operationId: 'compareConcepts',
        tags,
        summary: 'How alike concepts of a model are: the cosines of their directions',
        description:
          'A concept that is itself called `similarity` cannot be described by GET: this path hides it. It is in the list, and works otherwise.',
        querystring: SimilarityQuery,
        response: { 200: ConceptSimilarity, ...errorResponses(400, 404, 409, 500, 503) },
      },
    },
    async ({ query, services: { models, concepts } }, reply) => {
      const model = await modelId(models, query.model);
      return compareConcepts(concepts, model, query, app.answers.signalFor(reply.raw));
    },
  );

  app.get(
    '/concepts/:name',
    {
      config: { scope: 'concepts:read' },
      schema: {
        operationId: 'retrieveConcept',
        tags,
        summary: 'Describe a concept',
        params: ConceptParams,
        querystring: ModelQuery,
        response: { 200: ConceptObject, ...errorResponses(400, 404, 409, 500, 503) },
      },
    },
    async ({ params: { name }, query, services: { models, concepts } }) => {
      const model = await modelId(models, query.model);
      return toConceptObject(await storedConcept(concepts, model, name, 'name'));
    },
  );

  app.get(
    '/concepts/:name/attention',
    {
      config: { scope: 'concepts:read' },
      schema: {
        operationId: 'retrieveConceptAttention',
        tags,
        summary: 'Where each layer attended to the concept during its fit',
        params: ConceptParams,
        querystring: ModelQuery,
        response: { 200: ConceptAttention, ...errorResponses(400, 404, 409, 500, 503) },
      },
    },
    async ({ params: { name }, query, services: { models, concepts } }, reply) => {
      const model = await modelId(models, query.model);
      const { concept } = await storedConcept(concepts, model, name, 'name');
      const { tokenizer } = await models.get(model, app.answers.signalFor(reply.raw));
      return conceptAttention(concept, tokenizer);
    },
  );

  app.delete(
    '/concepts/:name',
    {
      config: { scope: 'concepts:write' },
      schema: {
        operationId: 'deleteConcept',
        tags,
        summary: 'Delete a concept that was fitted here',
        description:
          'A shipped one of the same name that it hid is there again. `POST .../restore` undoes it for a while.',
        params: ConceptParams,
        querystring: ModelQuery,
        response: { 200: DeletedConcept, ...errorResponses(400, 403, 404, 413, 415, 500, 503, 507) },
      },
    },
    async ({ params: { name }, query, services }) => {
      const model = await modelId(services.models, query.model);
      const { version } = await services.concepts.delete(model, name);
      return { id: name, object: 'concept' as const, model, version, deleted: true as const };
    },
  );

  app.post(
    '/concepts/:name/restore',
    {
      config: { scope: 'concepts:write' },
      schema: {
        operationId: 'restoreConcept',
        tags,
        summary: 'Undo a delete',
        description:
          'The last few that were deleted are kept, until the server stops. It comes back as it was, with its version.',
        params: ConceptParams,
        body: RestoreRequest.default({}),
        response: { 200: ConceptObject, ...errorResponses(400, 404, 409, 413, 415, 500, 503, 507) },
      },
    },
    async ({ params: { name }, body, services: { models, concepts } }) =>
      toConceptObject(await concepts.restore(await modelId(models, body.model), name)),
  );

  app.post(
    '/concepts/:name/rename',
    {
      config: { scope: 'concepts:write' },
      schema: {
        operationId: 'renameConcept',
        tags,
        summary: 'Give a concept that was fitted here another name',
        description:
          'Nothing is replaced by it. Its version is another one then: the name is part of what a concept says.',
        params: ConceptParams,
        body: RenameRequest,
        response: { 200: ConceptObject, ...errorResponses(400, 403, 404, 409, 413, 415, 500, 503, 507) },
      },
    },
    async ({ params: { name }, body, services: { models, concepts } }) =>
      toConceptObject(await concepts.rename(await modelId(models, body.model), name, body.name)),
  );
};

export default concepts;
