import { Readable } from 'node:stream';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { activationsFile } from '../../src/completions/activations.js';
import { mediaTypes } from '../../src/concepts/vector-formats.js';
import { ActivationsRequest } from '../../src/schemas/activations.js';
import { largerBodies } from '../../src/schemas/body-limits.js';
import { errorResponses } from '../../src/schemas/errors.js';

const [safetensors] = mediaTypes.safetensors;
const binary = z.custom<Readable>().meta({ type: 'string', format: 'binary' });

const activations: FastifyPluginAsyncZod = async (app) => {
  app.post(
    '/activations',
    {
      config: { scope: 'completions' },
      bodyLimit: largerBodies('fits', app.initialConfig.bodyLimit),
      schema: {
        operationId: 'readActivations',
        tags: ['steering'],
        summary: 'Read the residual stream of texts or chats',
        description:
          "A safetensors file: `activations` [N, layers, H] has each read token's block outputs, text by text, unsteered; `inputs`, `positions` and `tokens` [N] say of which text, where in it and which token a row is, and `layers` which blocks. Its size is checked before anything is read, and it is sent as it is made.",
        body: ActivationsRequest,
        response: {
          200: { description: 'The file', content: { [safetensors]: { schema: binary } } },
          ...errorResponses(400, 404, 413, 415, 429, 500, 503, 504),
        },
      },
    },
    async ({ body, services }, reply) => {
      const { bytes, parts } = await activationsFile(body, services.models, app.answers.signalFor(reply.raw));
      reply.type(safetensors).header('content-length', bytes);
      reply.header('content-disposition', 'attachment; filename="activations.safetensors"');
      return reply.send(Readable.from(parts));
    },
  );
};

export default activations;
