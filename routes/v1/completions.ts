import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { begin, generate } from '../../src/completions/generate.js';
import { planCompletion } from '../../src/completions/plan.js';
import { textCompletion, textEvents } from '../../src/completions/text-reply.js';
import { textRequest } from '../../src/completions/text-request.js';
import { Completion, CompletionChunk, CompletionRequest } from '../../src/schemas/completions.js';
import { errorResponses } from '../../src/schemas/errors.js';
import { eventsOf } from '../../src/schemas/generation.js';
import { codeSamples } from '../../src/server/code-samples.js';

const completions: FastifyPluginAsyncZod = async (app) => {
  app.post(
    '/completions',
    {
      config: { scope: 'completions', defaultSteering: true },
      schema: {
        operationId: 'createCompletion',
        tags: ['completions'],
        summary: 'Continue a text',
        description:
          'With `concept` and `strength`, or `steering`, the text is steered and the reply carries a receipt.',
        ...codeSamples('/v1/completions', 'completions.create', {
          prompt: 'Far away from the city,',
          concept: 'ocean',
          strength: 1,
        }),
        body: CompletionRequest,
        response: {
          200: {
            description: 'The texts; with `stream`, `data:` events of CompletionChunk and then `[DONE]`',
            content: {
              'application/json': { schema: Completion },
              'text/event-stream': { schema: eventsOf(CompletionChunk) },
            },
          },
          ...errorResponses(400, 404, 409, 413, 415, 429, 500, 503, 504),
        },
      },
    },
    async (request, reply) => {
      const signal = app.answers.signalFor(reply.raw);
      const plan = await planCompletion(textRequest(request.body), request.services, signal);
      const generation = generate(plan, signal);
      if (plan.request.reply.stream === null) return textCompletion(plan, generation);
      return reply.eventStream(textEvents(plan, await begin(generation, plan)));
    },
  );
};

export default completions;
