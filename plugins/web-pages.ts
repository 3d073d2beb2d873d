/**
 * Keeps web pages out of a server that asks for no keys: requests under a Host that is not this server's (DNS rebinding)
 * are refused, and pages of other origins get public routes only, unless `corsOrigins` names them. With keys a page
 * needs one, and this does nothing.
 */
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { isForeignPage, isKnownHost } from '../src/access/web-page.js';
import { errors } from '../src/errors.js';
import type { PluginOptions } from '../src/server/app.js';

async function webPages(app: FastifyInstance, { services, settings }: PluginOptions): Promise<void> {
  const { host, allowedHosts, corsOrigins } = settings;
  app.addHook('onRequest', async ({ headers, routeOptions: { url, config } }) => {
    // Access has looked at the keys a moment ago.
    if (services.access?.keys.needed) return;
    if (!isKnownHost(headers.host, host, allowedHosts)) throw errors.hostNotAllowed(headers.host ?? '');
    if (url === undefined || config.scope === 'public') return;
    if (isForeignPage(headers, corsOrigins)) throw errors.originNotAllowed(headers.origin);
  });
}

export default fp(webPages, { name: 'web-pages', dependencies: ['access'] });
