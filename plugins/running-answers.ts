/**
 * Keeps the replies being made (`app.answers`), and lets them finish when the server closes: new requests on open
 * connections are refused, and when the last reply is complete all connections are closed. Before that a server may drain:
 * it answers as ever and asks its balancer for no more.
 */
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { errors } from '../src/errors.js';
import { onReplyEnd } from '../src/http/reply-end.js';
import { RunningAnswers } from '../src/http/running-answers.js';
import type { PluginOptions } from '../src/server/app.js';

declare module 'fastify' {
  interface FastifyInstance {
    readonly answers: RunningAnswers;
    /** Whether the server is about to close: it still answers, and asks to be sent no more. */
    readonly draining: boolean;
    /** From now on /ready says no, and each reply closes its connection; requests are still answered. */
    drain(): void;
  }
}

async function runningAnswers(app: FastifyInstance, { settings }: PluginOptions): Promise<void> {
  let closing = false;
  let draining = false;
  let requests = 0;
  // A connection that has not sent a request yet counts as busy for Node, and would hold `close` up for a minute.
  const closeWhenDone = () => {
    if (closing && requests === 0) app.server.closeAllConnections();
  };
  app.decorate('answers', new RunningAnswers(settings.requestSeconds));
  app.decorate('draining', {
    getter: () => draining,
  });
  app.decorate('drain', () => {
    draining = true;
  });
  // A balancer that keeps connections open would go on sending requests on them, one into the very moment of their end.
  app.addHook('onSend', async (_, reply) => {
    if (draining) reply.header('connection', 'close');
  });
  app.addHook('preClose', async () => {
    closing = true;
    draining = true;
    // Once `server.close` was called, so that no connection comes after this.
    setImmediate(closeWhenDone);
  });
  app.addHook('onRequest', async (_, reply) => {
    requests++;
    onReplyEnd(reply.raw, () => {
      requests--;
      setImmediate(closeWhenDone);
    });
    if (closing) throw errors.stopping();
  });
}

export default fp(runningAnswers, { name: 'running-answers', dependencies: ['errors'] });
