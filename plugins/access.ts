/**
 * API keys: every request but those of public routes is checked before its body is read, and its key's limits are
 * counted. Its route then works with `request.services`, which are restricted to what the key may use. They are not
 * restricted where no keys are needed, nor on public routes: those must give away only what everybody may know.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import type { AccessControl, Caller } from '../src/access/access-control.js';
import { withDefaultSteering } from '../src/access/default-steering.js';
import { SteerdError } from '../src/errors.js';
import { onReplyEnd } from '../src/http/reply-end.js';
import { attribute } from '../src/http/request-logger.js';
import type { PluginOptions } from '../src/server/app.js';
import { noteUse, RequestUse } from '../src/server/request-use.js';
import { restrictServices } from '../src/server/restricted-services.js';
import type { CallerServices } from '../src/server/services.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Whose key it came with; null where none is needed. */
    caller: Caller | null;
    /** What it has used so far. */
    use: RequestUse | null;
    /** The services as its caller may use them; there are none until the request was admitted. */
    services: CallerServices;
  }
}

async function access(app: FastifyInstance, { services }: PluginOptions): Promise<void> {
  const control = services.access;
  app.decorateRequest('caller', null);
  app.decorateRequest('services');
  app.decorateRequest('use', null);

  app.addHook('onRequest', async (request, reply) => {
    const use = new RequestUse();
    request.use = use;
    if (request.routeOptions.url === undefined) return; // No such route: 404 tells nothing.
    if (control !== undefined) await admit(control, request, reply);
    request.services = noteUse(restrictServices(services, request.caller, app.metrics), use);
  });

  app.addHook('preValidation', async (request) => {
    const steering = request.caller?.key.steering ?? null;
    if (steering === null || !request.routeOptions.config.defaultSteering) return;
    request.body = withDefaultSteering(request.body, steering);
  });
}

/**
 * Clients of Anthropic's API send the key as `x-api-key`, those of Azure's as `api-key`. An Authorization of another kind is a
 * proxy's, which passes it on.
 */
function authorizationOf({ headers }: FastifyRequest): string | undefined {
  const { authorization } = headers;
  if (authorization !== undefined && /^Bearer +\S/i.test(authorization)) return authorization;
  const bare = headers['x-api-key'] ?? headers['api-key'];
  return typeof bare === 'string' ? `Bearer ${bare}` : authorization;
}

/** @throws SteerdError invalid_api_key, insufficient_scope, rate_limit_exceeded */
async function admit(control: AccessControl, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const { scope } = request.routeOptions.config;
  try {
    const caller = await control.admit(authorizationOf(request), scope, ({ id, name }) =>
      attribute(request, reply, { key: id, key_name: name }),
    );
    if (caller === null) return;
    request.caller = caller;
    await caller.usage.takeRequest();
    if (scope === 'completions') onReplyEnd(reply.raw, await caller.usage.beginStream());
  } catch (error) {
    if (error instanceof SteerdError && error.status === 401) {
      reply.header('www-authenticate', 'Bearer realm="steerd"');
    }
    throw error;
  } finally {
    if (request.caller) reply.headers(request.caller.usage.headers());
  }
}

export default fp(access, {
  name: 'access',
  dependencies: ['errors', 'running-answers', 'cors', 'tracing'],
});
