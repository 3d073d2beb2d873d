/**
 * One server's life: open the services, listen, load, answer; at the end let running answers finish. It
 * listens before the model is loaded, so that /health and /ready answer from the start.
 */
import type { FastifyBaseLogger } from 'fastify';
import type { Settings } from '../config.js';
import { errors } from '../errors.js';
import { type App, buildApp } from './app.js';
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
   * Stops accepting, cancels fits, pulls and imports and waits for the answers being made, at most `shutdownSeconds`; those that
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
  const closeServices = async () => {
    await closeJobs(services);
    await services.models.close();
    await services.closeShared?.();
    await services.unlock?.();
  };
  try {
    const app = await buildApp(services, { settings, log });
    const url = await app.listen({ host: settings.host, port: settings.port });
    let stopped: Promise<void> | undefined;
    const stop = () => {
      stopped ??= stopApp(app, services, settings.shutdownSeconds).then(closeServices);
      return stopped;
    };
    return { url, services, stop };
  } catch (error) {
    await closeServices();
    throw error;
  }
}

/** Cancels fits, pulls and imports. Resolves when none of them runs any more. */
export async function closeJobs({
  fits,
  pulls,
  imports,
}: Pick<OpenedServices, 'fits' | 'pulls' | 'imports'>): Promise<void> {
  await Promise.all([fits.close(), pulls.close(), imports.close()]);
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
