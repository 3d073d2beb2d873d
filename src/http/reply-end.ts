/** Tells when a reply has ended: it is complete, or its client is gone. */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Running replies by connection: one listener per connection, however many requests were pipelined on it. */
const underWay = new WeakMap<Socket, Set<() => void>>();

function endsOf(socket: Socket): Set<() => void> {
  const known = underWay.get(socket);
  if (known !== undefined) return known;
  const ends = new Set<() => void>();
  underWay.set(socket, ends);
  socket.once('close', () => {
    for (const end of ends) end();
  });
  return ends;
}

/**
 * Calls `over` once: when the reply is complete or its connection is closed, even if that happened before this call.
 * A response's own `close` is not enough: replies to pipelined requests wait for their turn, and Node does not close
 * them when the connection closes meanwhile.
 */
export function onReplyEnd(response: ServerResponse, over: () => void): void {
  const { socket } = response.req;
  if (response.destroyed || socket.destroyed) {
    over();
    return;
  }
  const ends = endsOf(socket);
  const end = () => {
    ends.delete(end);
    response.off('close', end);
    over();
  };
  ends.add(end);
  response.on('close', end);
}
