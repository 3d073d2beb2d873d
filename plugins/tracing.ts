/**
 * OpenTelemetry, for those who name a collector: a span per request, a child of the caller's, with the standard
 * attributes; each log line says which trace it belongs to.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { packageVersion } from '../src/common/package.js';
import { attribute } from '../src/http/request-logger.js';
import type { PluginOptions } from '../src/server/app.js';
import type { RequestUse } from '../src/server/request-use.js';
import { SpanExporter } from '../src/telemetry/otlp.js';
import { type TraceContext, traceContextOf } from '../src/telemetry/trace-context.js';

async function tracing(app: FastifyInstance, { settings }: PluginOptions): Promise<void> {
  const endpoint = settings.traceEndpoint;
  if (endpoint === '') {
    // The caller may have a collector of its own: its trace is found in the log.
    app.addHook('onRequest', async (request, reply) => {
      const { parentId, traceId } = traceContextOf(request.headers.traceparent);
      if (parentId !== null) attribute(request, reply, { trace_id: traceId });
    });
    return;
  }
  const exporter = new SpanExporter({
    endpoint,
    headers: settings.traceHeaders,
    serviceName: 'steerd',
    serviceVersion: packageVersion,
    log: app.log,
  });
  const contexts = new WeakMap<FastifyRequest, TraceContext>();

  app.addHook('onRequest', async (request, reply) => {
    const context = traceContextOf(request.headers.traceparent);
    contexts.set(request, context);
    attribute(request, reply, { trace_id: context.traceId, span_id: context.spanId });
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
        ...(request.caller && {
          'steerd.key': request.caller.key.id,
          'steerd.key_name': request.caller.key.name,
        }),
        ...(request.use && attributesOfUse(request.use)),
      },
    });
  });

  app.addHook('onClose', () => exporter.close());
}

/** OpenTelemetry's names for generative models where it has one (semantic conventions, "GenAI"). */
const attributesOfUse = ({ model, promptTokens, outputTokens, steering }: RequestUse) =>
  model === null
    ? {}
    : {
        'gen_ai.provider.name': 'steerd',
        'gen_ai.request.model': model,
        'gen_ai.usage.input_tokens': promptTokens,
        'gen_ai.usage.output_tokens': outputTokens,
        ...(steering.size > 0 && {
          'steerd.concepts': [...steering.keys()],
          'steerd.strengths': [...steering.values()],
        }),
      };

export default fp(tracing, { name: 'tracing', dependencies: ['errors'] });
