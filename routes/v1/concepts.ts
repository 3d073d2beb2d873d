import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { StoredConcept } from '../../src/concepts/concept-store.js';
import { conceptMissing } from '../../src/concepts/missing-concept.js';
import { conceptAttention } from '../../src/fitting/concept-attention.js';
import { modelId } from '../../src/models/serve/registry.js';
import { ConceptAttention } from '../../src/schemas/concept-attention.js';
import {
  ConceptList,
  ConceptObject,
  ConceptPageQuery,
  conceptPage,
  toConceptObject,
} from '../../src/schemas/concepts.js';
import { errorResponses } from '../../src/schemas/errors.js';
import { FitJob, FitRequest } from '../../src/schemas/fits.js';
import { ModelQuery } from '../../src/schemas/models.js';

const tags = ['concepts'];
const DeletedConcept = z
  .object({
    id: z.string(),
    object: z.literal('concept'),
    model: z.string(),
    version: z.string(),
    deleted: z.literal(true),
  })
  .meta({ id: 'DeletedConcept' });
const ConceptParams = z.object({ name: z.string().meta({ examples: ['pirate'] }) });

const concepts: FastifyPluginAsyncZod = async (app) => {
  /** Concepts can be read and deleted while their model is not loaded. */
  const modelOf = (asked: string | undefined) => modelId(app.services.models, asked);

  const storedConcept = (model: string, name: string): StoredConcept => {
    const stored = app.services.concepts.get(model, name);
    if (stored !== undefined) return stored;
    throw conceptMissing(name, model, app.services.concepts, 'name');
  };

  app.get(
    '/concepts',
    {
      schema: {
        operationId: 'listConcepts',
        tags,
        summary: 'List the concepts',
        description:
          'Without a model: the concepts of all. By pages: `after` is the last name of the page before.',
        querystring: ConceptPageQuery,
        response: { 200: ConceptList, ...errorResponses(400, 404, 500, 503) },
      },
    },
    async ({ query }) => {
      const model = query.model === undefined ? undefined : await modelOf(query.model);
      return conceptPage(app.services.concepts.list(model), query);
    },
  );

  app.post(
    '/concepts',
    {
      schema: {
        operationId: 'createConcept',
        tags,
        summary: 'Make a concept: start a fit',
        body: FitRequest,
        response: {
          202: { description: 'The fit that makes it', content: { 'application/json': { schema: FitJob } } },
          ...errorResponses(400, 404, 413, 415, 429, 500, 503),
        },
      },
    },
    async (request, reply) => {
      const job = await app.services.fits.create(request.body, app.answers.open(reply.raw));
      return reply.code(202).header('location', `/v1/fits/${job.id}`).send(job);
    },
  );

  app.get(
    '/concepts/:name',
    {
      schema: {
        operationId: 'retrieveConcept',
        tags,
        summary: 'Describe a concept',
        params: ConceptParams,
        querystring: ModelQuery,
        response: { 200: ConceptObject, ...errorResponses(400, 404, 500, 503) },
      },
    },
    async ({ params: { name }, query }) => {
      return toConceptObject(storedConcept(await modelOf(query.model), name));
    },
  );

  app.get(
    '/concepts/:name/attention',
    {
      schema: {
        operationId: 'retrieveConceptAttention',
        tags,
        summary: 'Where each layer attended to the concept during its fit',
        params: ConceptParams,
        querystring: ModelQuery,
        response: { 200: ConceptAttention, ...errorResponses(400, 404, 500, 503) },
      },
    },
    async ({ params: { name }, query }, reply) => {
      const { concept } = storedConcept(await modelOf(query.model), name);
      const signal = app.answers.open(reply.raw);
      return conceptAttention(concept, (await app.services.models.get(concept.model, signal)).tokenizer);
    },
  );

  app.delete(
    '/concepts/:name',
    {
      schema: {
        operationId: 'deleteConcept',
        tags,
        summary: 'Delete a concept that was fitted here',
        params: ConceptParams,
        querystring: ModelQuery,
        response: { 200: DeletedConcept, ...errorResponses(400, 403, 404, 413, 415, 500, 503, 507) },
      },
    },
    async ({ params: { name }, query }) => {
      const { concept } = await app.services.concepts.delete(await modelOf(query.model), name);
      return {
        id: concept.name,
        object: 'concept' as const,
        model: concept.model,
        version: concept.version,
        deleted: true as const,
      };
    },
  );
};

export default concepts;
