/**
 * The API of this process for its own jobs: the application once more, which listens to nobody and knows no keys. What it is asked is
 * counted in the same metrics as what others ask.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { setMaxListeners } from 'node:events';
import type { OpenedApi } from '../benchmark/benchmark-jobs.js';
import type { Settings } from '../config.js';
import { errors } from '../errors.js';
import type { Metrics } from '../telemetry/metrics.js';
import { type App, buildApp } from './app.js';
import { observeServices } from './observed-services.js';
import type { ServerLog } from './server.js';
import type { Services } from './services.js';

export async function openInnerApi(
  services: Services,
  settings: Settings,
  metrics: Metrics,
  log: ServerLog,
): Promise<OpenedApi> {
  // An application that closes closes the measurements that it was given.
  const { access: _, metrics: __, measurements: ___, ...rest } = services;
  const app = await buildApp(observeServices(rest, metrics), {
    // Its requests are no client's: they take as long as they take, a day at most.
    settings: { ...settings, host: '127.0.0.1', traceEndpoint: '', requestSeconds: 86_400 },
    log: log.child({ inner: true }, { level: 'error' }) as ServerLog,
    extend: endWithAsker,
  });
  return { ...injectedApi(app), close: () => app.close() };
}

/** What ends the request that runs: one that is injected has no client who could go away. */
const asker = new AsyncLocalStorage<AbortSignal | undefined>();

/** Requests of `injectedApi` end as those of a client who leaves do: whatever computes for them stops. */
export function endWithAsker(app: Pick<App, 'addHook'>): void {
  app.addHook('onRequest', async (_, { raw }) => {
    const signal = asker.getStore();
    if (signal === undefined) return;
    const leave = () => raw.destroy();
    signal.addEventListener('abort', leave, { once: true });
    raw.once('close', () => signal.removeEventListener('abort', leave));
    if (!signal.aborted) return;
    leave();
    throw errors.clientGone();
  });
}

/** Requests to an application of this process, built with `endWithAsker`; one that is under way rejects with its signal's reason when that is aborted. */
export const injectedApi = (app: Pick<App, 'inject'>): Omit<OpenedApi, 'close'> => ({
  where: null,
  async json<T>(path: string, { method = 'GET', body, signal }: Parameters<OpenedApi['json']>[1] = {}) {
    signal?.throwIfAborted();
    // The requests of a whole run share one.
    if (signal !== undefined) setMaxListeners(0, signal);
    const sent = {
      method,
      url: path,
      ...(body !== undefined && {
        payload: JSON.stringify(body),
        headers: { 'content-type': 'application/json' },
      }),
    };
    try {
      // Injecting begins when it is awaited. Its own option `signal` would stop the body alone.
      const reply = await asker.run(signal, async () => await app.inject(sent));
      if (reply.statusCode < 300) return reply.json<T>();
      throw refusalOf(reply.statusCode, reply.body);
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    }
  },
});

/** As the benchmark tells refusals apart: by status and code. */
function refusalOf(status: number, body: string): Error {
  let error: { readonly message?: string; readonly code?: string | null } = {};
  try {
    error = (JSON.parse(body) as { error?: typeof error }).error ?? {};
  } catch {
    // No reply of the application is anything else than JSON; its status says enough.
  }
  return Object.assign(new Error(error.message ?? `status ${status}`), {
    status,
    code: error.code ?? undefined,
  });
}
