/**
 * API keys: every request but those of public routes is checked before its body is read, its key's limits counted,
 * and its work done in the key's name. Where no keys are needed nothing happens.
 */
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { type Caller, runAs } from '../src/access/caller.js';
import { scopeOfRoute } from '../src/access/scopes.js';
import { SteerdError } from '../src/errors.js';
import { onResponseEnd } from '../src/http/reply-end.js';
import { withDefaultSteering } from '../src/server/default-steering.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Whose key it came with; null where none is needed. */
    caller: Caller | null;
  }
}

async function access(app: FastifyInstance): Promise<void> {
  const control = app.services.access;
  app.decorateRequest('caller', null);
  if (control === undefined) return;

  app.addHook('onRequest', async (request, reply) => {
    const { url } = request.routeOptions;
    if (url === undefined) return; // No such route: 404 tells nothing.
    const needed = scopeOfRoute(request.method, url);
    try {
      const caller = await control.admit(request.headers.authorization, needed);
      if (caller === undefined) return;
      request.caller = caller;
      request.log = request.log.child({ key: caller.key.id });
      caller.usage.takeRequest();
      if (needed === 'completions') onResponseEnd(reply.raw, caller.usage.beginStream());
    } catch (error) {
      if (error instanceof SteerdError && error.status === 401) {
        reply.header('www-authenticate', 'Bearer realm="steerd"');
      }
      throw error;
    } finally {
      if (request.caller) reply.headers(request.caller.usage.headers());
    }
  });

  app.addHook('preValidation', async (request) => {
    const steering = request.caller?.key.steering ?? null;
    const { url = '' } = request.routeOptions;
    if (steering !== null) request.body = withDefaultSteering(url, request.body, steering);
  });

  app.addHook('preHandler', (request, _, done) => {
    if (request.caller === null) done();
    else runAs(request.caller, done);
  });
}

export default fp(access, {
  name: 'access',
  dependencies: ['errors', 'request-id', 'running-answers', 'cors'],
});
