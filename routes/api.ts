import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { packageVersion } from '../src/common/package.js';
import { embed } from '../src/completions/embeddings.js';
import { begin, generate } from '../src/completions/generate.js';
import { namedModel, readModelName } from '../src/completions/model-alias.js';
import type { NeutralRequest } from '../src/completions/neutral-request.js';
import {
  emptyLine,
  loadedReply,
  type OllamaKind,
  ollamaLines,
  ollamaReply,
} from '../src/completions/ollama-reply.js';
import { ollamaChat, ollamaGenerate, withoutTag } from '../src/completions/ollama-request.js';
import { planCompletion } from '../src/completions/plan.js';
import { tokenizerInfo } from '../src/completions/tokenize.js';
import { ollamaErrors } from '../src/schemas/errors.js';
import { eventsOf } from '../src/schemas/generation.js';
import {
  OllamaChatReply,
  OllamaChatRequest,
  OllamaEmbeddings,
  OllamaEmbedRequest,
  OllamaGenerateReply,
  OllamaGenerateRequest,
  OllamaRunning,
  OllamaShown,
  OllamaShowRequest,
  OllamaTags,
  OllamaVersion,
} from '../src/schemas/ollama.js';
import { jsonParser } from '../src/server/json-bodies.js';
import { shownModel, toOllamaModel, toRunningModel } from '../src/server/ollama-models.js';
import type { CallerServices } from '../src/server/services.js';

const tags = ['ollama'];
const errorShape = 'ollama' as const;
const completionErrors = () => ollamaErrors(400, 401, 403, 404, 409, 413, 415, 429, 500, 503, 504);
const readErrors = () => ollamaErrors(400, 401, 403, 404, 429, 500, 503);

const ollama: FastifyPluginAsyncZod = async (app) => {
  // Ollama reads bodies whatever their type is: litellm sends none, and curl -d names a form's.
  app.addContentTypeParser('*', { parseAs: 'buffer' }, jsonParser(app));
  const prepared = async (request: NeutralRequest, services: CallerServices, signal: AbortSignal) => {
    const plan = await planCompletion(request, services, signal);
    return { plan, generation: generate(plan, signal) };
  };
  const loads = async (
    kind: OllamaKind,
    model: string | null | undefined,
    services: CallerServices,
    signal: AbortSignal,
  ) => {
    const { name } = await namedModel(withoutTag(model), services.models, signal);
    return loadedReply(kind, name);
  };

  app.post(
    '/api/chat',
    {
      config: { scope: 'completions', defaultSteering: true, errorShape },
      schema: {
        operationId: 'ollamaChat',
        tags,
        summary: "Answer a conversation, in the form of Ollama's API",
        body: OllamaChatRequest,
        response: {
          200: {
            description: 'Lines of JSON, the last with `done`; one object without `stream`',
            content: {
              'application/json': { schema: OllamaChatReply },
              'application/x-ndjson': { schema: eventsOf(OllamaChatReply) },
            },
          },
          ...completionErrors(),
        },
      },
    },
    async ({ body, services }, reply) => {
      const signal = app.answers.signalFor(reply.raw);
      if ((body.messages ?? []).length === 0)
        return (await loads('chat', body.model, services, signal)) as OllamaChatReply;
      const { plan, generation } = await prepared(ollamaChat(body), services, signal);
      if (body.stream === false) return ollamaReply('chat', plan, generation);
      const lines = ollamaLines('chat', plan, await begin(generation, plan));
      return reply.lineStream(lines, () => emptyLine('chat', plan));
    },
  );

  app.post(
    '/api/generate',
    {
      config: { scope: 'completions', defaultSteering: true, errorShape },
      schema: {
        operationId: 'ollamaGenerate',
        tags,
        summary: "Answer a prompt, in the form of Ollama's API",
        body: OllamaGenerateRequest,
        response: {
          200: {
            description: 'Lines of JSON, the last with `done`; one object without `stream`',
            content: {
              'application/json': { schema: OllamaGenerateReply },
              'application/x-ndjson': { schema: eventsOf(OllamaGenerateReply) },
            },
          },
          ...completionErrors(),
        },
      },
    },
    async ({ body, services }, reply) => {
      const signal = app.answers.signalFor(reply.raw);
      if (!body.prompt) return (await loads('generate', body.model, services, signal)) as OllamaGenerateReply;
      const { plan, generation } = await prepared(ollamaGenerate(body), services, signal);
      if (body.stream === false) return ollamaReply('generate', plan, generation);
      const lines = ollamaLines('generate', plan, await begin(generation, plan));
      return reply.lineStream(lines, () => emptyLine('generate', plan));
    },
  );

  app.post(
    '/api/embed',
    {
      config: { scope: 'completions', errorShape },
      schema: {
        operationId: 'ollamaEmbed',
        tags,
        summary: "Turn texts into vectors, in the form of Ollama's API",
        body: OllamaEmbedRequest,
        response: { 200: OllamaEmbeddings, ...completionErrors() },
      },
    },
    async ({ body, services }, reply) => {
      const started = performance.now();
      const { model, input, dimensions, truncate, ...rest } = body;
      const asked = {
        ...rest,
        model: withoutTag(model),
        input,
        dimensions,
        ...(truncate !== false && { truncate_prompt_tokens: -1 }),
      };
      const { data, usage, model: name } = await embed(asked, services, app.answers.signalFor(reply.raw));
      return {
        model: name,
        embeddings: data.map(({ embedding }) => embedding as number[]),
        total_duration: Math.round((performance.now() - started) * 1e6),
        load_duration: 0,
        prompt_eval_count: usage.prompt_tokens,
      };
    },
  );

  app.get(
    '/api/tags',
    {
      config: { scope: 'any', errorShape },
      schema: {
        operationId: 'ollamaTags',
        tags,
        summary: "List the models, in the form of Ollama's API",
        response: { 200: OllamaTags, ...readErrors() },
      },
    },
    async ({ services: { models } }) => ({ models: (await models.list()).map(toOllamaModel) }),
  );

  app.get(
    '/api/ps',
    {
      config: { scope: 'any', errorShape },
      schema: {
        operationId: 'ollamaRunning',
        tags,
        summary: "List the models in memory, in the form of Ollama's API",
        response: { 200: OllamaRunning, ...readErrors() },
      },
    },
    async ({ services: { models } }) => ({
      models: (await models.list()).filter(({ state }) => state === 'ready').map(toRunningModel),
    }),
  );

  app.post(
    '/api/show',
    {
      config: { scope: 'any', errorShape },
      schema: {
        operationId: 'ollamaShow',
        tags,
        summary: "Describe a model, in the form of Ollama's API",
        body: OllamaShowRequest,
        response: { 200: OllamaShown, ...completionErrors() },
      },
    },
    async ({ body, services: { models } }) => {
      const { id } = await readModelName(withoutTag(body.model ?? body.name), models);
      const loaded = models.loaded().find(({ model }) => model.id === id)?.model;
      const template = loaded && (await tokenizerInfo(loaded)).chat_template;
      return shownModel(await models.status(id), template ?? '', loaded);
    },
  );

  app.get(
    '/api/version',
    {
      config: { scope: 'public', errorShape },
      schema: {
        operationId: 'ollamaVersion',
        tags,
        summary: "Which version this is, in the form of Ollama's API",
        response: { 200: OllamaVersion, ...ollamaErrors(500, 503) },
      },
    },
    async () => ({ version: packageVersion }),
  );
};

export default ollama;
