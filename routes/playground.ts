/** The page to play with, at `/`, as `npm run build` bundled it; where it was not, `/` leads to the API's pages. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';
import { packageRoot } from '../src/common/package.js';
import { withScope } from '../src/server/route-scopes.js';

const folder = join(packageRoot, 'dist/playground');

export default async function playground(app: FastifyInstance): Promise<void> {
  if (!existsSync(join(folder, 'index.html'))) {
    // Relative, so that it holds behind a proxy that gives the server a path of its own.
    app.get('/', { config: { scope: 'public' }, schema: { hide: true } }, async (_, reply) =>
      reply.redirect('docs/'),
    );
    return;
  }
  await withScope(app, 'public', () =>
    app.register(fastifyStatic, {
      root: join(folder, 'assets'),
      prefix: '/assets/',
      decorateReply: true,
      schemaHide: true,
      preCompressed: true,
      index: false,
      // Their names change with what is in them.
      immutable: true,
      maxAge: '365d',
    }),
  );
  app.get('/', { config: { scope: 'public' }, schema: { hide: true } }, async (_, reply) =>
    reply.sendFile('index.html', folder, { immutable: false, maxAge: 0 }),
  );
}
