/**
 * OpenTelemetry, for those who name a collector: a span per request, a child of the caller's, with the standard
 * attributes; each log line says which trace it belongs to.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { packageVersion } from '../src/common/package.js';
import type { PluginOptions } from '../src/server/app.js';
import { SpanExporter } from '../src/telemetry/otlp.js';
import { type TraceContext, traceContextOf } from '../src/telemetry/trace-context.js';

async function tracing(app: FastifyInstance, { settings }: PluginOptions): Promise<void> {
  const endpoint = settings.traceEndpoint;
  if (endpoint === '') return;
  const exporter = new SpanExporter({
    endpoint,
    serviceName: 'steerd',
    serviceVersion: packageVersion,
    log: app.log,
  });
  const contexts = new WeakMap<FastifyRequest, TraceContext>();

  app.addHook('onRequest', async (request, reply) => {
    const context = traceContextOf(request.headers.traceparent);
    contexts.set(request, context);
    request.log = request.log.child({ trace_id: context.traceId, span_id: context.spanId });
    reply.header('traceparent', `00-${context.traceId}-${context.spanId}-${context.sampled ? '01' : '00'}`);
  });

  app.addHook('onResponse', async (request, reply) => {
    const context = contexts.get(request);
    if (!context?.sampled) return;
    const route = request.routeOptions.url;
    exporter.add({
      ...context,
      name: route === undefined ? request.method : `${request.method} ${route}`,
      start: Date.now() - reply.elapsedTime,
      milliseconds: reply.elapsedTime,
      failed: reply.statusCode >= 500,
      attributes: {
        'http.request.method': request.method,
        'http.response.status_code': reply.statusCode,
        'url.path': request.url.split('?', 1)[0] ?? '',
        'steerd.request_id': request.id,
        ...(route !== undefined && { 'http.route': route }),
        ...(request.caller && { 'steerd.key': request.caller.key.id }),
      },
    });
  });

  app.addHook('onClose', () => exporter.close());
}

export default fp(tracing, { name: 'tracing', dependencies: ['access'] });
