/**
 * One server's life: open the services, listen, load, answer; at the end let running answers finish. It
 * listens before the model is loaded, so that /health and /ready answer from the start.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { FastifyBaseLogger } from 'fastify';
import type { Settings } from '../config.js';
import { errors } from '../errors.js';
import { type App, buildApp } from './app.js';
import { throwListenFault } from './listen-fault.js';
import { openMetricsPort } from './metrics-port.js';
import type { Services } from './services.js';

export type ServerLog = FastifyBaseLogger;

export interface OpenedServices extends Services {
  readonly fits: Services['fits'] & { close(): Promise<void> };
  readonly pulls: Services['pulls'] & { close(): Promise<void> };
  readonly imports: Services['imports'] & { close(): Promise<void> };
  /** Resolves when the model can answer; rejects when it never will. */
  readonly loaded: Promise<unknown>;
  /** Leaves what is shared with other servers; the last thing that needs it is done then. */
  readonly closeShared?: () => Promise<void>;
  /** Lets other servers have the data directory, once nothing writes there any more. */
  readonly unlock?: () => Promise<void>;
}

type OpenServices = (settings: Settings, log: ServerLog) => Promise<OpenedServices>;

export interface RunningServer {
  readonly url: string;
  readonly services: OpenedServices;
  /**
   * Says no at /ready, goes on answering for `drainDelay` seconds, then stops accepting, stops fits, pulls and imports and waits for the answers being made, at most `shutdownSeconds`; those that
   * are left then end with an error. Resolves when nothing runs any more.
   */
  stop(): Promise<void>;
}

/** How long a cancelled answer may take to reach its client before the connection is cut. */
const cutAfterMilliseconds = 1000;

/**
 * Listens; the model may still be loading.
 * @throws when the services cannot be opened or the address cannot be listened on
 */
export async function startServer(
  settings: Settings,
  open: OpenServices,
  log: ServerLog,
): Promise<RunningServer> {
  const services = await open(settings, log);
  // Callers await `services.loaded` when they need it; until then its rejection must not end the process.
  services.loaded.catch(() => {});
  try {
    const app = await buildApp(services, { settings, log });
    const { host, port } = settings;
    const besides = await openMetricsPort(settings.metricsAddress, app.metrics);
    const url = await app.listen({ host, port }).catch((error) => {
      besides?.close();
      return throwListenFault(error, host, port);
    });
    let stopped: Promise<void> | undefined;
    const stop = () => {
      stopped ??= drain(app, settings.drainDelay)
        .then(() => stopApp(app, services, settings.shutdownSeconds))
        .then(() => closeServices(services))
        .finally(() => besides?.close());
      return stopped;
    };
    return { url, services, stop };
  } catch (error) {
    await closeServices(services);
    throw error;
  }
}

/** Ends everything that was opened. */
export async function closeServices(services: OpenedServices): Promise<void> {
  await closeJobs(services);
  await services.models.close();
  await services.closeShared?.();
  await services.unlock?.();
}

/** Cancels all jobs, or leaves them to others and to the next start. Resolves when none of them runs here any more. */
export async function closeJobs({
  fits,
  pulls,
  imports,
  measurements,
  benchmarks,
}: Pick<OpenedServices, 'fits' | 'pulls' | 'imports' | 'measurements' | 'benchmarks'>): Promise<void> {
  await Promise.all([
    ...[fits.close(), pulls.close(), imports.close(), measurements?.close()],
    benchmarks?.close(),
  ]);
}

/** A balancer looks at /ready every few seconds: until it has seen the no, it sends requests, and they are answered. */
async function drain(app: App, seconds: number): Promise<void> {
  app.drain();
  if (seconds > 0) await pause(seconds * 1000);
}

async function stopApp(app: App, services: OpenedServices, seconds: number): Promise<void> {
  let cut: NodeJS.Timeout | undefined;
  const cancel = setTimeout(() => {
    app.log.warn({ answers: app.answers.size }, 'time to finish is over: cancelling answers');
    app.answers.cancel(errors.stopping());
    cut = setTimeout(() => app.server.closeAllConnections(), cutAfterMilliseconds);
  }, seconds * 1000);
  try {
    await Promise.all([app.close(), closeJobs(services)]);
  } finally {
    clearTimeout(cancel);
    clearTimeout(cut);
  }
}
