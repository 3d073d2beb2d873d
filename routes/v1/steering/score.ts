import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { scoreText } from '../../../src/completions/score-text.js';
import { errorResponses } from '../../../src/schemas/errors.js';
import { Score, ScoreRequest } from '../../../src/schemas/score.js';

const score: FastifyPluginAsyncZod = async (app) => {
  app.post(
    '/score',
    {
      config: { scope: 'completions' },
      schema: {
        operationId: 'scoreText',
        tags: ['steering'],
        summary: 'Read a text along concepts',
        description:
          'Projections of the residual stream onto concepts, token by token, of a text or a chat that is given. Nothing is written and nothing steers.',
        body: ScoreRequest,
        response: {
          200: { description: 'The readings', content: { 'application/json': { schema: Score } } },
          ...errorResponses(400, 404, 409, 413, 415, 429, 500, 503, 504),
        },
      },
    },
    async (request, reply) => scoreText(request.body, request.services, app.answers.signalFor(reply.raw)),
  );
};

export default score;
