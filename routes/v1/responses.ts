import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { begin, generate } from '../../src/completions/generate.js';
import { planCompletion } from '../../src/completions/plan.js';
import { conversationItems } from '../../src/completions/response-conversation.js';
import { responseEvents, wholeResponse } from '../../src/completions/response-reply.js';
import { responseRequest } from '../../src/completions/response-request.js';
import { errors } from '../../src/errors.js';
import { errorResponses } from '../../src/schemas/errors.js';
import { eventsOf } from '../../src/schemas/generation.js';
import {
  ResponseDeleted,
  ResponseEvent,
  ResponseObject,
  ResponseRequest,
} from '../../src/schemas/responses.js';
import { codeSamples } from '../../src/server/code-samples.js';

const params = z.object({ response_id: z.string().max(200) });

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
          'Text, function calls and reasoning. The answer is kept for requests that refer to it, by `previous_response_id` or by an `item_reference` in `input`, unless `store` is false. Steered as the other endpoints are.',
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
          ...errorResponses(400, 404, 409, 413, 415, 429, 500, 503, 504),
        },
      },
    },
    async (request, reply) => {
      const signal = app.answers.signalFor(reply.raw);
      const { body, services } = request;
      const conversation = await conversationItems(body, services.responses);
      const plan = await planCompletion(responseRequest(body, conversation), services, signal);
      const keep = body.store !== false && services.responses.keeps ? services.responses : null;
      const asked = { body, conversation, keep };
      const generation = generate(plan, signal);
      if (plan.request.reply.stream === null) return wholeResponse(asked, plan, generation);
      const explain = (error: unknown) => request.explain(error);
      return reply.eventStream(responseEvents(asked, plan, await begin(generation, plan), explain));
    },
  );

  app.get(
    '/responses/:response_id',
    {
      config: { scope: 'completions' },
      schema: {
        operationId: 'getResponse',
        tags: ['completions'],
        summary: 'A response that is stored',
        params,
        response: { 200: ResponseObject, ...errorResponses(404, 500, 503) },
      },
    },
    async ({ params: { response_id: id }, services }) => {
      const stored = await services.responses.get(id);
      if (stored === undefined) throw errors.responseNotFound(id);
      return stored.response;
    },
  );

  app.delete(
    '/responses/:response_id',
    {
      config: { scope: 'completions' },
      schema: {
        operationId: 'deleteResponse',
        tags: ['completions'],
        summary: 'Forget a response',
        params,
        response: { 200: ResponseDeleted, ...errorResponses(400, 404, 413, 415, 500, 503) },
      },
    },
    async ({ params: { response_id: id }, services }) => {
      if (!(await services.responses.delete(id))) throw errors.responseNotFound(id);
      return { id, object: 'response.deleted' as const, deleted: true as const };
    },
  );
};

export default responses;
