/**
 * What becomes of a body that nobody reads, for the request was refused before it had come. To close the connection then
 * would reset it, and the client, still sending, might never see why. So the rest is read and thrown away for a moment
 * (nginx calls that a lingering close), and only then is the connection cut.
 */
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { noteAnswered } from '../src/http/refused-connection.js';

/** A body that is too large may come to its end before it is answered: most clients read no answer before. */
const beforeAnswer = 1000;
const afterAnswer = 5000;

/** Reads the rest. Resolves when it has come, the client is gone, or the time is over. */
function drained(request: IncomingMessage, milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      for (const event of ['end', 'close', 'error']) request.off(event, done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    for (const event of ['end', 'close', 'error']) request.on(event, done);
    request.resume();
  });
}

async function unreadBodies(app: FastifyInstance): Promise<void> {
  app.addHook('onSend', async ({ raw }, reply) => {
    if (raw.complete !== false || reply.statusCode !== 413) return;
    await drained(raw, beforeAnswer);
    // Fastify says so of every body that could not be read; what is left of this one is read below.
    reply.removeHeader('connection');
  });
  app.addHook('onResponse', async ({ raw }) => {
    if (raw.complete !== false || raw.destroyed) return;
    noteAnswered(raw.socket);
    void drained(raw, afterAnswer).then(() => {
      if (!raw.complete) raw.socket.destroy();
    });
  });
}

export default fp(unreadBodies, { name: 'unread-bodies' });
