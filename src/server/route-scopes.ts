/**
 * The scope that a key needs for a route, declared on the route as `config: { scope }`. An application with a route
 * that declares none does not start.
 */
import type { FastifyInstance, RouteOptions } from 'fastify';
import type { RouteScope } from '../access/scopes.js';
import type { ErrorShape } from '../http/error-reply.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    readonly scope: RouteScope;
    /** Whether the body takes the key's own steering when it says nothing about steering. */
    readonly defaultSteering?: boolean;
    /** What its errors look like; OpenAI's shape when left out. */
    readonly errorShape?: ErrorShape;
  }
}

/** Makes the start of `app` fail, with method and path, over routes without a scope; for routes registered from here on. */
export function requireScopes(app: FastifyInstance): void {
  const routes: RouteOptions[] = [];
  app.addHook('onRoute', (route) => {
    routes.push(route);
  });
  app.addHook('onReady', async () => {
    const without = routes.filter(({ config }) => config?.scope === undefined);
    if (without.length === 0) return;
    const named = without.map(({ method, url }) => `${[method].flat().join(', ')} ${url}`);
    throw new Error(`routes must declare config: { scope }; without it: ${named.join('; ')}`);
  });
}

/** Gives `scope` to the routes that `register` adds: a library's, which cannot declare one. */
export async function withScope(
  app: FastifyInstance,
  scope: RouteScope,
  register: () => PromiseLike<unknown>,
): Promise<void> {
  let registering = true;
  app.addHook('onRoute', (route) => {
    if (registering) route.config = { ...route.config, scope };
  });
  await register();
  registering = false;
}
