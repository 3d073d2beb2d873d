/**
 * Refuses compressed bodies by name: read as they come, they would be called broken JSON. A body's limit then bounds what it
 * costs, as it would not if a few bytes could unfold to many.
 */
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { errors } from '../src/errors.js';

async function bodyEncoding(app: FastifyInstance): Promise<void> {
  app.addHook('preParsing', async ({ headers, method }) => {
    // Of these no body is read.
    if (method === 'GET' || method === 'HEAD') return;
    const encoding = headers['content-encoding'];
    if (encoding !== undefined && encoding !== '' && encoding.toLowerCase() !== 'identity')
      throw errors.bodyEncoded(encoding);
  });
}

export default fp(bodyEncoding, { name: 'body-encoding', dependencies: ['errors', 'web-pages'] });
