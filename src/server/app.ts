/**
 * The HTTP application as one value: Fastify with our validation and error shapes, plugins/ and routes/
 * loaded. It touches nothing of the process; `server.ts` listens, tests inject.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import autoload from '@fastify/autoload';
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify';
import { serializerCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import type { z } from 'zod';
import { ResponseStore } from '../completions/response-store.js';
import type { Settings } from '../config.js';
import { errors } from '../errors.js';
import { explain, pathPartLimit, toErrorBody } from '../http/error-reply.js';
import { refuseConnection } from '../http/refused-connection.js';
import { meantUrl, pathOf } from '../http/request-path.js';
import { type RequestPart, validate } from '../schemas/validation.js';
import { Metrics } from '../telemetry/metrics.js';
import { jsonParser } from './json-bodies.js';
import { observeServices } from './observed-services.js';
import { requireScopes } from './route-scopes.js';
import type { Services } from './services.js';

declare module 'fastify' {
  interface FastifyInstance {
    readonly metrics: Metrics;
  }
}

export type App = FastifyInstance;

/** The settings that plugins read. */
export type HttpSettings = Pick<
  Settings,
  | 'host'
  | 'allowedHosts'
  | 'bodyLimit'
  | 'corsOrigins'
  | 'bodySeconds'
  | 'requestSeconds'
  | 'readerSeconds'
  | 'traceEndpoint'
  | 'traceHeaders'
  | 'logSampling'
  | 'dataDirectory'
>;

const usualSettings: Omit<HttpSettings, 'bodyLimit'> = {
  host: '127.0.0.1',
  allowedHosts: [],
  corsOrigins: [],
  bodySeconds: 60,
  requestSeconds: 600,
  readerSeconds: 30,
  traceEndpoint: '',
  traceHeaders: {},
  logSampling: 1,
  dataDirectory: '',
};

export interface AppOptions {
  readonly settings: Pick<HttpSettings, 'bodyLimit'> & Partial<HttpSettings>;
  readonly log: FastifyBaseLogger;
  /** Adds hooks and routes of one's own; called before plugins/ and routes/ are loaded. */
  readonly extend?: (app: App) => void;
}

/** What plugins/ are given, and routes/ are not: these services are unrestricted, `request.services` are for routes. */
export interface PluginOptions {
  readonly settings: HttpSettings;
  readonly services: Services;
}

/** A client's request id is kept if it can go into a log and a header as it is. */
function requestId({ headers }: Pick<IncomingMessage, 'headers'>): string {
  const given = headers['x-request-id'];
  return typeof given === 'string' && /^[\w.:/=+-]{1,128}$/.test(given) ? given : randomUUID();
}

/** Beside this file's folder once compiled, as in the source tree. */
const folder = (name: string) => join(fileURLToPath(new URL('../..', import.meta.url)), name);

/** Builds the application; `close()` it when done. */
export async function buildApp(services: Services, options: AppOptions): Promise<App> {
  const { log, extend } = options;
  const settings: HttpSettings = { ...usualSettings, ...options.settings };
  const milliseconds = settings.bodySeconds * 1000;
  const app = Fastify({
    bodyLimit: settings.bodyLimit,
    // Counts from a request's first byte to its last, however evenly they dribble.
    requestTimeout: milliseconds,
    http: {
      requestTimeout: milliseconds,
      // Node takes the shorter of the two for the headers, the longer for the whole.
      headersTimeout: milliseconds,
      connectionsCheckingInterval: Math.min(1000, milliseconds / 4),
      // plugins/web-pages.ts refuses it, in our error shape.
      requireHostHeader: false,
    },
    clientErrorHandler: (error, socket) => refuseConnection(error, socket, settings.bodySeconds),
    genReqId: requestId,
    loggerInstance: log,
    // plugins/request-log.ts does.
    logController: new LogController({ disableRequestLogging: true }),
    // plugins/running-answers.ts answers requests to a closing server, in our error shape.
    return503OnClosing: false,
    // A busy machine takes long to load modules; a server that gave up after the usual 10 s would not come back from a restart.
    pluginTimeout: 120_000,
    routerOptions: { maxParamLength: pathPartLimit },
    frameworkErrors: refuseUrl,
    rewriteUrl: ({ url = '/' }) => meantUrl(url),
  }).withTypeProvider<ZodTypeProvider>();

  app.setValidatorCompiler<z.ZodType>(
    ({ schema, httpPart }) =>
      (value: unknown) =>
        // Fastify says null of a body that is not there; a schema may have a default for it.
        validate(schema, httpPart === 'body' ? (value ?? undefined) : value, httpPart as RequestPart),
  );
  app.setSerializerCompiler(serializerCompiler);
  readJson(app);
  const metrics = services.metrics ?? new Metrics();
  app.decorate('metrics', metrics);
  // Each reply carries the request's id, under which the log has it.
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
  });
  // Node would answer it bare, past all hooks.
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response));
  app.addHook('onRequest', async ({ headers: { expect } }) => {
    if (expect !== undefined && expect.toLowerCase() !== '100-continue')
      throw errors.unknownExpectation(expect);
  });
  requireScopes(app);
  extend?.(app);

  const pluginOptions: PluginOptions = {
    settings,
    services: observeServices({ ...services, responses: services.responses ?? new ResponseStore() }, metrics),
  };
  await app.register(autoload, { dir: folder('plugins'), forceESM: true, options: pluginOptions });
  await app.register(autoload, { dir: folder('routes'), forceESM: true, dirNameRoutePrefix: true });
  await app.ready();
  return app;
}

/** Answers a URL that the router cannot parse: such a request never reaches the error handler of plugins/errors.ts. */
function refuseUrl(error: Error, request: FastifyRequest, reply: FastifyReply): void {
  const told = explain(error, {
    requestId: request.id,
    bodyLimit: 0,
    contentType: undefined,
    path: pathOf(request.originalUrl),
  });
  void reply.code(told.status).send(toErrorBody(told));
}

/** JSON bodies only. */
function readJson(app: App): void {
  const parse = jsonParser(app);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, parse);
}
