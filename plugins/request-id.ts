/** Each reply carries the request's id, under which the log has it. */
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';

async function requestId(app: FastifyInstance): Promise<void> {
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
  });
}

export default fp(requestId, { name: 'request-id' });
