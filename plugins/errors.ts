/** Every failure leaves in the error shape of its API, OpenAI's but for a few routes; what is the server's fault is logged with its cause. */
import type { FastifyError, FastifyInstance, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { errors, type SteerdError } from '../src/errors.js';
import { explain, shapedError } from '../src/http/error-reply.js';
import { pathOf } from '../src/http/request-path.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Logs an error, and turns it into the one that the client sees. */
    explain(error: unknown): SteerdError;
  }
}

async function errorsPlugin(app: FastifyInstance): Promise<void> {
  app.decorateRequest('explain', function (this: FastifyRequest, error: unknown): SteerdError {
    const told = explain(error, {
      requestId: this.id,
      bodyLimit: this.routeOptions.bodyLimit ?? app.initialConfig.bodyLimit ?? 0,
      contentType: this.headers['content-type'],
      path: pathOf(this.url),
    });
    // 503 is how a server that loads or stops is meant to answer, 504 what its settings ask for.
    const failed = told.status >= 500 && told.status !== 503 && told.status !== 504;
    if (failed) this.log.error({ err: error, code: told.code }, 'request failed');
    else this.log.info({ code: told.code, param: told.param }, told.message);
    return told;
  });

  app.setErrorHandler<FastifyError | SteerdError>((error, request, reply) => {
    const told = request.explain(error);
    if (told.retryAfterSeconds !== null) reply.header('retry-after', told.retryAfterSeconds);
    return reply
      .code(told.status)
      .type('application/json')
      .send(shapedError(told, request.routeOptions.config?.errorShape ?? 'openai'));
  });

  app.setNotFoundHandler((request) => {
    throw errors.routeNotFound(request.method, pathOf(request.url));
  });
}

export default fp(errorsPlugin, { name: 'errors' });
