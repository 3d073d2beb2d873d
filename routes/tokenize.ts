import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { detokenize, tokenize, tokenizerInfo } from '../src/completions/tokenize.js';
import { errorResponses } from '../src/schemas/errors.js';
import { ModelQuery } from '../src/schemas/models.js';
import {
  Detokenized,
  DetokenizeRequest,
  Tokenized,
  TokenizeRequest,
  TokenizerInfo,
} from '../src/schemas/tokenize.js';

const tokenization: FastifyPluginAsyncZod = async (app) => {
  app.post(
    '/tokenize',
    {
      config: { scope: 'completions' },
      schema: {
        operationId: 'tokenize',
        tags: ['completions'],
        summary: 'Turn a text or messages into token ids',
        body: TokenizeRequest,
        response: { 200: Tokenized, ...errorResponses(400, 404, 413, 415, 500, 503) },
      },
    },
    async ({ body, services }, reply) =>
      tokenize(body, await services.models.get(body.model ?? undefined, app.answers.signalFor(reply.raw))),
  );

  app.post(
    '/detokenize',
    {
      config: { scope: 'completions' },
      schema: {
        operationId: 'detokenize',
        tags: ['completions'],
        summary: 'Turn token ids into text',
        body: DetokenizeRequest,
        response: { 200: Detokenized, ...errorResponses(400, 404, 413, 415, 500, 503) },
      },
    },
    async ({ body, services }, reply) => {
      const signal = app.answers.signalFor(reply.raw);
      const text = detokenize(body, await services.models.get(body.model ?? undefined, signal));
      return { prompt: text, content: text };
    },
  );

  app.get(
    '/tokenizer_info',
    {
      config: { scope: 'completions' },
      schema: {
        operationId: 'tokenizerInfo',
        tags: ['completions'],
        summary: "Tell a model's tokenizer, its special tokens and its chat template",
        querystring: ModelQuery,
        response: { 200: TokenizerInfo, ...errorResponses(400, 404, 500, 503) },
      },
    },
    async ({ query, services }, reply) =>
      tokenizerInfo(await services.models.get(query.model, app.answers.signalFor(reply.raw))),
  );
};

export default tokenization;
