/**
 * Knows the answers being made, and lets them finish when the server closes: new requests on open connections
 * are refused, and a connection is closed once its answer is complete.
 */
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { RunningAnswers } from '../src/completions/running-answers.js';
import { errors } from '../src/errors.js';

declare module 'fastify' {
  interface FastifyInstance {
    readonly answers: RunningAnswers;
    /** True from the moment that `close` was called. */
    readonly closing: () => boolean;
  }
}

async function runningAnswers(app: FastifyInstance): Promise<void> {
  let closing = false;
  app.decorate('answers', new RunningAnswers());
  app.decorate('closing', () => closing);
  app.addHook('preClose', async () => {
    closing = true;
  });
  app.addHook('onRequest', async () => {
    if (closing) throw errors.stopping();
  });
  app.addHook('onResponse', async () => {
    if (closing) setImmediate(() => app.server.closeIdleConnections());
  });
}

export default fp(runningAnswers, { name: 'running-answers', dependencies: ['errors'] });
