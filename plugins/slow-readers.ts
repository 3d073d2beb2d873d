/**
 * Disconnects clients that do not read. A reply waits for its client (backpressure: its stream is read no further)
 * without holding up others; when no byte moved for `readerSeconds` the connection is closed, which frees its slots.
 */
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { onReplyEnd } from '../src/http/reply-end.js';
import type { PluginOptions } from '../src/server/app.js';

async function slowReaders(app: FastifyInstance, { settings }: PluginOptions): Promise<void> {
  const milliseconds = settings.readerSeconds * 1000;
  const open = new WeakMap<Socket, number>();
  const count = (socket: Socket, change: number) => open.set(socket, (open.get(socket) ?? 0) + change);

  app.addHook('onRequest', async ({ raw: { socket } }, reply) => {
    count(socket, 1);
    onReplyEnd(reply.raw, () => count(socket, -1));
  });

  // Node's timer of a socket starts again whenever a byte comes or goes, also inside one large write.
  app.server.setTimeout(milliseconds, (socket: Socket) => {
    const answering = (open.get(socket) ?? 0) > 0;
    if (answering && socket.writableLength === 0) {
      socket.setTimeout(milliseconds); // The client is waiting for the server.
      return;
    }
    if (answering) app.log.warn({ unread: socket.writableLength }, 'a client that does not read was cut');
    socket.destroy();
  });
}

export default fp(slowReaders, { name: 'slow-readers' });
