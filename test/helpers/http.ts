/** A client with its hands on the socket: reads a stream piece by piece, leaves when it wants. */
import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import type { App } from '../../src/server/app.js';

export interface OpenReply {
  readonly request: ClientRequest;
  readonly response: IncomingMessage;
  /** What has come so far. */
  text(): string;
  /** Resolves with everything when the reply has ended. */
  readonly ended: Promise<string>;
}

/** Listens on a free port. @returns the base URL */
export const listen = (app: App): Promise<string> => app.listen({ port: 0, host: '127.0.0.1' });

/** Sends a JSON body; the request can be destroyed before any reply comes. */
export function send(url: string, body: unknown): ClientRequest {
  const sent = request(url, { method: 'POST', headers: { 'content-type': 'application/json' } });
  sent.end(JSON.stringify(body));
  return sent;
}

export async function open(url: string, body: unknown): Promise<OpenReply> {
  const sent = send(url, body);
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  let text = '';
  response.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
  });
  const ended = once(response, 'end').then(() => text);
  ended.catch(() => {});
  response.on('error', () => {});
  return { request: sent, response, text: () => text, ended };
}
