import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { chatCompletion, chatEvents } from '../../../src/completions/chat-reply.js';
import { chatRequest } from '../../../src/completions/chat-request.js';
import { begin, generate } from '../../../src/completions/generate.js';
import { planCompletion } from '../../../src/completions/plan.js';
import { ChatCompletion, ChatCompletionChunk, ChatRequest } from '../../../src/schemas/chat.js';
import { errorResponses } from '../../../src/schemas/errors.js';
import { eventsOf } from '../../../src/schemas/generation.js';
import { codeSamples } from '../../../src/server/code-samples.js';

const chatCompletions: FastifyPluginAsyncZod = async (app) => {
  app.post(
    '/completions',
    {
      config: { scope: 'completions', defaultSteering: true },
      schema: {
        operationId: 'createChatCompletion',
        tags: ['completions'],
        summary: 'Answer a conversation',
        description:
          'With `concept` and `strength`, or `steering`, the answer is steered and the reply carries a receipt.',
        ...codeSamples('/v1/chat/completions', 'chat.completions.create', {
          messages: [{ role: 'user', content: 'What did you do today?' }],
          concept: 'pirate',
          strength: 1,
        }),
        body: ChatRequest,
        response: {
          200: {
            description: 'The answer; with `stream`, `data:` events of ChatCompletionChunk and then `[DONE]`',
            content: {
              'application/json': { schema: ChatCompletion },
              'text/event-stream': { schema: eventsOf(ChatCompletionChunk) },
            },
          },
          ...errorResponses(400, 404, 409, 413, 415, 429, 500, 503, 504),
        },
      },
    },
    async (request, reply) => {
      const signal = app.answers.signalFor(reply.raw);
      const plan = await planCompletion(chatRequest(request.body), request.services, signal);
      const generation = generate(plan, signal);
      if (plan.request.reply.stream === null) return chatCompletion(plan, generation);
      return reply.eventStream(chatEvents(plan, await begin(generation, plan)));
    },
  );
};

export default chatCompletions;
