/**
 * Two lines of the log for each request, when it was let in and when its reply is complete, both with the request's id,
 * its trace and its key. Fastify's own two are written by loggers that know of neither. Of requests that went well
 * only the share `logSampling` is written; what failed always is.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import type { PluginOptions } from '../src/server/app.js';

async function requestLog(app: FastifyInstance, { settings }: PluginOptions): Promise<void> {
  const sampled = new WeakSet<FastifyRequest>();
  app.addHook('onRequest', async (request) => {
    if (Math.random() >= settings.logSampling) return;
    sampled.add(request);
    request.log.info({ req: request }, 'incoming request');
  });
  app.addHook('onResponse', async (request, reply) => {
    if (sampled.has(request) || reply.statusCode >= 400)
      request.log.info(lineOf(request, reply), 'request completed');
  });
}

function lineOf(request: FastifyRequest, reply: FastifyReply): object {
  const { use } = request;
  return {
    req: request,
    res: reply,
    responseTime: reply.elapsedTime,
    ...(use !== null &&
      use.model !== null && {
        model: use.model,
        prompt_tokens: use.promptTokens,
        completion_tokens: use.outputTokens,
        ...(use.steering.size > 0 && { steering: Object.fromEntries(use.steering) }),
      }),
  };
}

export default fp(requestLog, { name: 'request-log', dependencies: ['tracing', 'access', 'web-pages'] });
