/**
 * A port for /metrics and /health alone, which asks for no key: for Prometheus and probes inside of a cluster, and for workers, which
 * answer nothing else.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Settings } from '../config.js';
import type { Metrics } from '../telemetry/metrics.js';
import { throwListenFault } from './listen-fault.js';

interface MetricsPort {
  readonly port: number;
  close(): void;
}

/**
 * Listens, where the settings say so.
 * @throws ConfigError when the address cannot be listened on
 */
export async function openMetricsPort(
  address: Settings['metricsAddress'],
  metrics: Pick<Metrics, 'registry'>,
): Promise<MetricsPort | null> {
  if (address === null) return null;
  const { registry } = metrics;
  const server = createServer((request, reply) => {
    request.resume();
    const path = request.url?.split('?')[0];
    const send = (status: number, type: string, text: string) => {
      reply.writeHead(status, { 'content-type': type }).end(request.method === 'HEAD' ? '' : text);
    };
    if (request.method !== 'GET' && request.method !== 'HEAD') return send(405, 'text/plain', 'GET only\n');
    if (path === '/health') return send(200, 'application/json', '{"status":"ok"}');
    if (path !== '/metrics') return send(404, 'text/plain', 'only /metrics and /health are here\n');
    registry.metrics().then(
      (text) => send(200, registry.contentType, text),
      () => send(500, 'text/plain', 'the metrics cannot be read\n'),
    );
  });
  const { host, port } = address;
  server.listen(port, host);
  await once(server, 'listening').catch((error: unknown) => throwListenFault(error, host, port));
  // It keeps no process alive that has nothing else to do.
  server.unref();
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
