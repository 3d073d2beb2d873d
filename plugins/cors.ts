/** Which web pages may call the API from a browser: none, unless the settings name them. */
import cors from '@fastify/cors';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';

const exposed = [
  'x-request-id',
  'retry-after',
  'content-disposition',
  ...['limit', 'remaining', 'reset'].flatMap((what) =>
    ['requests', 'tokens'].map((unit) => `x-ratelimit-${what}-${unit}`),
  ),
];

async function corsPlugin(app: FastifyInstance): Promise<void> {
  const origins = app.httpSettings.corsOrigins;
  if (origins.length === 0) return;
  await app.register(cors, {
    origin: origins.includes('*') ? '*' : [...origins],
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'],
    exposedHeaders: exposed,
    // Keys travel in the Authorization header; there are no cookies to send along.
    credentials: false,
    maxAge: 600,
  });
}

export default fp(corsPlugin, { name: 'cors', dependencies: ['errors', 'running-answers'] });
