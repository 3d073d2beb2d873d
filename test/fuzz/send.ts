/** Sends a request as it is, right or wrong, and waits no longer than its deadline. */
import { Agent, request } from 'node:http';
import type { FuzzRequest } from './requests.js';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
  readonly milliseconds: number;
}

const agent = new Agent({ keepAlive: true, maxSockets: 64 });

export const closeConnections = (): void => agent.destroy();

/**
 * `null` when it came to no end in time.
 * @throws when the server cuts the connection
 */
export function send(url: string, asked: FuzzRequest, deadline: number): Promise<Answer | null> {
  const started = performance.now();
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const { method, path, headers, body } = asked;
    const sent = request({
      agent,
      hostname,
      port,
      method,
      path,
      headers: { ...headers, ...(body !== undefined && { 'content-length': Buffer.byteLength(body) }) },
    });
    const late = setTimeout(() => {
      resolve(null);
      sent.destroy();
    }, deadline);
    sent.on('error', (error) => {
      clearTimeout(late);
      reject(error);
    });
    sent.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        clearTimeout(late);
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks),
          milliseconds: performance.now() - started,
        });
      });
    });
    sent.end(body);
  });
}
