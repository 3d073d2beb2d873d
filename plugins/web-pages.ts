/**
 * Keeps web pages out of a server that asks for no keys: requests under a Host that is not this server's (DNS rebinding)
 * are refused, and pages of other origins get public routes only, unless `corsOrigins` names them. With keys a page
 * needs one, and this does nothing but refuse what does not name one Host. Says once, and loudly, that a proxy stands before
 * a server without keys.
 */
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { isForeignPage, isKnownHost, namesOneHost } from '../src/access/web-page.js';
import { errors } from '../src/errors.js';
import { hostOfUrl } from '../src/http/request-path.js';
import type { PluginOptions } from '../src/server/app.js';

/** What proxies add. */
const forwardedHeaders = ['x-forwarded-for', 'forwarded', 'x-real-ip', 'x-forwarded-host', 'via'] as const;

async function webPages(app: FastifyInstance, { services, settings }: PluginOptions): Promise<void> {
  const { host, allowedHosts, corsOrigins } = settings;
  let warned = false;
  app.addHook('onRequest', async ({ headers, originalUrl, raw, routeOptions: { url, config } }) => {
    if (!namesOneHost(raw)) throw errors.notOneHost();
    // Access has looked at the keys a moment ago.
    if (services.access?.keys.needed) return;
    const forwarded = warned ? undefined : forwardedHeaders.find((name) => headers[name] !== undefined);
    if (forwarded !== undefined) {
      warned = true;
      app.log.warn(
        { header: forwarded, keys_file: services.access?.keys.summary.file },
        'requests come through a proxy, and this server asks for NO API KEYS: whoever reaches the proxy may do everything. Make a key with "steerd keys add", or set STEERD_API_KEY',
      );
    }
    const asked = { ...headers, host: hostOfUrl(originalUrl) ?? headers.host };
    if (!isKnownHost(asked.host, host, allowedHosts)) throw errors.hostNotAllowed(asked.host ?? '');
    if (url === undefined || config.scope === 'public') return;
    if (isForeignPage(asked, corsOrigins)) throw errors.originNotAllowed(headers.origin, corsOrigins);
  });
}

export default fp(webPages, { name: 'web-pages', dependencies: ['access', 'security-headers'] });
