import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { anthropicEvents, anthropicMessage } from '../../src/completions/anthropic-reply.js';
import { anthropicPrompt, anthropicRequest } from '../../src/completions/anthropic-request.js';
import { begin, generate } from '../../src/completions/generate.js';
import { planCompletion } from '../../src/completions/plan.js';
import { countPromptTokens } from '../../src/completions/tokenize.js';
import {
  AnthropicCount,
  AnthropicCountRequest,
  AnthropicEvent,
  AnthropicMessage,
  AnthropicRequest,
} from '../../src/schemas/anthropic.js';
import { anthropicErrors } from '../../src/schemas/errors.js';
import { eventsOf } from '../../src/schemas/generation.js';

const messages: FastifyPluginAsyncZod = async (app) => {
  app.post(
    '/messages',
    {
      config: { scope: 'completions', defaultSteering: true, errorShape: 'anthropic' },
      schema: {
        operationId: 'createMessage',
        tags: ['completions'],
        summary: "Answer, in the form of Anthropic's Messages API",
        description:
          'Text and tools, whole or streamed, steered by the same fields as the other endpoints. Thinking, images and tools of the server are not there.',
        body: AnthropicRequest,
        response: {
          200: {
            description: 'The message; with `stream`, named events from message_start to message_stop',
            content: {
              'application/json': { schema: AnthropicMessage },
              'text/event-stream': { schema: eventsOf(AnthropicEvent) },
            },
          },
          ...anthropicErrors(400, 401, 403, 404, 409, 413, 415, 429, 500, 503, 504),
        },
      },
    },
    async (request, reply) => {
      const signal = app.answers.signalFor(reply.raw);
      const plan = await planCompletion(anthropicRequest(request.body), request.services, signal);
      const generation = generate(plan, signal);
      if (plan.request.reply.stream === null) return anthropicMessage(plan, generation);
      return reply.eventStream(anthropicEvents(plan, await begin(generation, plan)));
    },
  );

  app.post(
    '/messages/count_tokens',
    {
      config: { scope: 'completions', errorShape: 'anthropic' },
      schema: {
        operationId: 'countMessageTokens',
        tags: ['completions'],
        summary: 'Count the tokens of a prompt of messages',
        body: AnthropicCountRequest,
        response: {
          200: AnthropicCount,
          ...anthropicErrors(400, 401, 403, 404, 413, 415, 429, 500, 503),
        },
      },
    },
    async ({ body, services }, reply) => ({
      input_tokens: await countPromptTokens(
        anthropicPrompt(body),
        services,
        app.answers.signalFor(reply.raw),
      ),
    }),
  );
};

export default messages;
