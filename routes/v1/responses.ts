import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { begin, generate } from '../../src/completions/generate.js';
import { planCompletion } from '../../src/completions/plan.js';
import { responseEvents, wholeResponse } from '../../src/completions/response-reply.js';
import { responseRequest } from '../../src/completions/response-request.js';
import { errorResponses } from '../../src/schemas/errors.js';
import { eventsOf } from '../../src/schemas/generation.js';
import { ResponseEvent, ResponseObject, ResponseRequest } from '../../src/schemas/responses.js';
import { codeSamples } from '../../src/server/code-samples.js';

const responses: FastifyPluginAsyncZod = async (app) => {
  app.post(
    '/responses',
    {
      config: { scope: 'completions', defaultSteering: true },
      schema: {
        operationId: 'createResponse',
        tags: ['completions'],
        summary: 'Answer, in the form of the Responses API',
        description:
          'Text and function calls, and nothing is stored: `input` holds the whole conversation. Steered as the other endpoints are.',
        ...codeSamples('/v1/responses', 'responses.create', {
          input: 'What did you do today?',
          concept: 'pirate',
          strength: 1,
        }),
        body: ResponseRequest,
        response: {
          200: {
            description: 'The answer; with `stream`, typed events with a `sequence_number`, and no `[DONE]`',
            content: {
              'application/json': { schema: ResponseObject },
              'text/event-stream': { schema: eventsOf(ResponseEvent) },
            },
          },
          ...errorResponses(400, 404, 413, 415, 429, 500, 503, 504),
        },
      },
    },
    async (request, reply) => {
      const signal = app.answers.signalFor(reply.raw);
      const plan = await planCompletion(responseRequest(request.body), request.services, signal);
      const generation = generate(plan, signal);
      if (plan.request.reply.stream === null) return wholeResponse(request.body, plan, generation);
      return reply.eventStream(responseEvents(request.body, plan, await begin(generation, plan)));
    },
  );
};

export default responses;
