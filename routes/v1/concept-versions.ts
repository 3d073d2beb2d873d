import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { conceptDiff, conceptHistory, rollBack } from '../../src/concepts/concept-history.js';
import { modelId } from '../../src/models/registry.js';
import {
  ConceptDiff,
  ConceptVersionList,
  DiffQuery,
  RollbackRequest,
} from '../../src/schemas/concept-versions.js';
import { ConceptObject, ConceptParams } from '../../src/schemas/concepts.js';
import { errorResponses } from '../../src/schemas/errors.js';
import { ModelQuery } from '../../src/schemas/models.js';
import { toConceptObject } from '../../src/server/concept-object.js';

const tags = ['concepts'];

const conceptVersions: FastifyPluginAsyncZod = async (app) => {
  app.get(
    '/concepts/:name/versions',
    {
      config: { scope: 'concepts:read' },
      schema: {
        operationId: 'listConceptVersions',
        tags,
        summary: 'The versions that a name has had',
        description:
          'Each can be pinned, also after the name was deleted: `concept@version` where a request names a concept, `model@concept@version:strength` as a model, with the first 8 digits of the version or more.',
        params: ConceptParams,
        querystring: ModelQuery,
        response: { 200: ConceptVersionList, ...errorResponses(400, 404, 500, 503) },
      },
    },
    async ({ params: { name }, query, services: { models, concepts } }) =>
      conceptHistory(concepts, await modelId(models, query.model), name),
  );

  app.get(
    '/concepts/:name/diff',
    {
      config: { scope: 'concepts:read' },
      schema: {
        operationId: 'diffConceptVersions',
        tags,
        summary: 'How two versions of a concept differ',
        params: ConceptParams,
        querystring: DiffQuery,
        response: { 200: ConceptDiff, ...errorResponses(400, 404, 500, 503) },
      },
    },
    async ({ params: { name }, query, services: { models, concepts } }) =>
      conceptDiff(concepts, await modelId(models, query.model), name, query),
  );

  app.post(
    '/concepts/:name/rollback',
    {
      config: { scope: 'concepts:write' },
      schema: {
        operationId: 'rollBackConcept',
        tags,
        summary: 'Let a name mean an earlier version again',
        description: 'As its newest version; none is lost by it, and the hash is that of before.',
        params: ConceptParams,
        body: RollbackRequest,
        response: { 200: ConceptObject, ...errorResponses(400, 404, 413, 415, 500, 503, 507) },
      },
    },
    async ({ params: { name }, body, services: { models, concepts } }, reply) => {
      const model = await modelId(models, body.model);
      const signal = app.answers.signalFor(reply.raw);
      return toConceptObject(await rollBack(concepts, model, name, body.version, signal));
    },
  );
};

export default conceptVersions;
