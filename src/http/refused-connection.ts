/** The answer to what is no request: it never reaches the application, so it is written to the socket as it is. */
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { errors, type SteerdError } from '../errors.js';
import { toErrorBody } from './error-reply.js';

/** What Node says of bytes that are no request, or of a request that did not come in time. */
export interface ConnectionError {
  readonly code?: string | undefined;
}

const toldOf = ({ code }: ConnectionError, seconds: number): SteerdError => {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return errors.requestTooSlow(seconds);
  return code === 'HPE_HEADER_OVERFLOW' ? errors.headersTooLarge() : errors.notHttp();
};

/** Connections whose request was answered before all of it had come. */
const answered = new WeakSet<Socket>();

/** Says that the request which still comes on this connection has its answer: whatever becomes of it, there is no second one. */
export const noteAnswered = (socket: Socket) => void answered.add(socket);

/** Connections of bodies that are bounded by their readers, not by how long they take. */
const unhurried = new WeakSet<Socket>();

/** Lets a request's body take as long as it does while `work` reads it: whoever reads it sees to its end. */
export async function withoutHurry<Result>(socket: Socket, work: () => Promise<Result>): Promise<Result> {
  unhurried.add(socket);
  try {
    return await work();
  } finally {
    unhurried.delete(socket);
  }
}

/**
 * Answers and closes. A connection whose reply has begun is only closed.
 * @param seconds that a request may take to come
 */
export function refuseConnection(error: ConnectionError, socket: Socket, seconds: number): void {
  // Node tells this once for each request, and closes nothing where it is listened to.
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT' && unhurried.has(socket)) return;
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) {
    socket.destroy();
    return;
  }
  const told = toldOf(error, seconds);
  const body = JSON.stringify(toErrorBody(told));
  const head = [
    `HTTP/1.1 ${told.status} ${STATUS_CODES[told.status]}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  // After a reply that has begun this would be taken for a part of it.
  const replying = (socket as Socket & { _httpMessage?: { headersSent: boolean } | null })._httpMessage
    ?.headersSent;
  if (!replying && !answered.has(socket)) socket.write(`${head.join('\r\n')}\r\n\r\n${body}`);
  socket.destroySoon();
}
