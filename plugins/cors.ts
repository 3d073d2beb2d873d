/** Which web pages may call the API from a browser: none, unless the settings name them. */
import cors from '@fastify/cors';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { errors } from '../src/errors.js';
import type { PluginOptions } from '../src/server/app.js';
import { withScope } from '../src/server/route-scopes.js';

const exposed = [
  'x-request-id',
  'retry-after',
  'content-disposition',
  ...['limit', 'remaining', 'reset'].flatMap((what) =>
    ['requests', 'tokens'].map((unit) => `x-ratelimit-${what}-${unit}`),
  ),
];

async function corsPlugin(app: FastifyInstance, { settings }: PluginOptions): Promise<void> {
  const origins = settings.corsOrigins;
  app.addHook('onRequest', async ({ method, headers: { origin, ...headers } }) => {
    const isPreflight = method === 'OPTIONS' && headers['access-control-request-method'] !== undefined;
    if (!isPreflight || origin === undefined) return;
    if (!origins.includes('*') && !origins.includes(origin)) throw errors.originNotAllowed(origin, origins);
  });
  if (origins.length === 0) return;
  const options = {
    origin: origins.includes('*') ? '*' : [...origins],
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'],
    exposedHeaders: exposed,
    // Keys travel in the Authorization header; there are no cookies to send along.
    credentials: false,
    maxAge: 600,
  };
  // Its one route, OPTIONS *, is never reached: preflights are answered before access is checked.
  await withScope(app, 'admin', () => app.register(cors, options));
}

export default fp(corsPlugin, {
  name: 'cors',
  dependencies: ['errors', 'running-answers', 'security-headers'],
});
