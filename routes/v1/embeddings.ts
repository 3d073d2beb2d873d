import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { embed } from '../../src/completions/embeddings.js';
import { EmbeddingRequest, Embeddings } from '../../src/schemas/embeddings.js';
import { errorResponses } from '../../src/schemas/errors.js';
import { codeSamples } from '../../src/server/code-samples.js';

const embeddings: FastifyPluginAsyncZod = async (app) => {
  app.post(
    '/embeddings',
    {
      config: { scope: 'completions' },
      schema: {
        operationId: 'createEmbedding',
        tags: ['completions'],
        summary: 'Turn texts into vectors',
        description:
          "The residual stream at one block's output, by default the last one's, as the mean over a text's tokens, of length 1. Nothing steers it.",
        ...codeSamples('/v1/embeddings', 'embeddings.create', { input: ['The sea is calm.'] }),
        body: EmbeddingRequest,
        response: {
          200: { description: 'The vectors', content: { 'application/json': { schema: Embeddings } } },
          ...errorResponses(400, 404, 413, 415, 429, 500, 503, 504),
        },
      },
    },
    async (request, reply) => embed(request.body, request.services, app.answers.signalFor(reply.raw)),
  );
};

export default embeddings;
