/**
 * Knows the answers being made, and lets them finish when the server closes: new requests on open connections
 * are refused, and when the last answer is complete all connections are closed.
 */
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { errors } from '../src/errors.js';
import { onResponseEnd } from '../src/http/reply-end.js';
import { RunningAnswers } from '../src/http/running-answers.js';

declare module 'fastify' {
  interface FastifyInstance {
    readonly answers: RunningAnswers;
  }
}

async function runningAnswers(app: FastifyInstance): Promise<void> {
  let closing = false;
  let requests = 0;
  // A connection that has not sent a request yet counts as busy for Node, and would hold `close` up for a minute.
  const closeWhenDone = () => {
    if (closing && requests === 0) app.server.closeAllConnections();
  };
  app.decorate('answers', new RunningAnswers(app.httpSettings.requestSeconds));
  app.addHook('preClose', async () => {
    closing = true;
    // Once `server.close` was called, so that no connection comes after this.
    setImmediate(closeWhenDone);
  });
  app.addHook('onRequest', async (_, reply) => {
    requests++;
    onResponseEnd(reply.raw, () => {
      requests--;
      setImmediate(closeWhenDone);
    });
    if (closing) throw errors.stopping();
  });
}

export default fp(runningAnswers, { name: 'running-answers', dependencies: ['errors'] });
