/** Spans as a collector receives them. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { SpanExporter } from '../../src/telemetry/otlp.js';
import { traceContextOf } from '../../src/telemetry/trace-context.js';
import { build, until } from '../helpers/app.js';

interface SentSpan {
  readonly traceId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: { key: string; value: Record<string, unknown> }[];
}

async function collector(t: TestContext, status = 200) {
  const spans: SentSpan[] = [];
  let requests = 0;
  const server = createServer(async (request, reply) => {
    requests++;
    let text = '';
    for await (const chunk of request) text += chunk;
    assert.equal(request.url, '/v1/traces');
    spans.push(...JSON.parse(text).resourceSpans[0].scopeSpans[0].spans);
    reply.writeHead(status).end('{}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { endpoint, spans, requests: () => requests };
}

const trace = '0af7651916cd43dd8448eb211c80319c';
const parent = 'b7ad6b7169203331';

test("a request's span is a child of its caller's, in the caller's trace", async (t) => {
  const { endpoint, spans } = await collector(t);
  const { app } = await build(t, { settings: { traceEndpoint: endpoint } });
  const before = Date.now();
  const send = (traceparent?: string) =>
    app.inject({ url: '/v1/models/x?secret=1', headers: traceparent === undefined ? {} : { traceparent } });
  const reply = await send(`00-${trace}-${parent}-01`);
  assert.match(String(reply.headers.traceparent), new RegExp(`^00-${trace}-[0-9a-f]{16}-01$`));
  await send(`00-${trace}-${parent}-00`);
  await send();
  await app.close();
  assert.equal(spans.length, 2, 'what the caller does not sample is not sent');
  const [span, own] = spans;
  assert.deepEqual([span?.traceId, span?.parentSpanId, span?.kind], [trace, parent, 2]);
  assert.equal(span?.name, 'GET /v1/models/:id');
  const attributes = Object.fromEntries(span?.attributes.map(({ key, value }) => [key, value]) ?? []);
  assert.deepEqual(attributes['http.response.status_code'], { intValue: '404' });
  assert.deepEqual(attributes['url.path'], { stringValue: '/v1/models/x' });
  const start = Number(BigInt(span?.startTimeUnixNano ?? 0) / 1_000_000n);
  assert.ok(Math.abs(start - before) < 5000);
  assert.ok(BigInt(span?.endTimeUnixNano ?? 0) >= BigInt(span?.startTimeUnixNano ?? 0));
  assert.equal(own?.parentSpanId, undefined);
  assert.notEqual(own?.traceId, trace);
});

test('without a collector there are no spans and no headers', async (t) => {
  const { app } = await build(t);
  assert.equal((await app.inject('/health')).headers.traceparent, undefined);
});

test('a collector that is away costs spans, never requests', async () => {
  const warnings: object[] = [];
  const exporter = new SpanExporter({
    endpoint: 'http://127.0.0.1:9',
    serviceName: 'x',
    serviceVersion: '1',
    log: { warn: (details) => warnings.push(details) },
    milliseconds: 5,
  });
  const span = {
    ...traceContextOf(undefined),
    name: 'x',
    start: 0,
    milliseconds: 1,
    attributes: {},
    failed: false,
  };
  for (let i = 0; i < 10_000; i++) exporter.add(span);
  await until(() => warnings.length > 0);
  await exporter.close();
});

test('headers that are no trace context begin a new trace', () => {
  for (const bad of [
    undefined,
    '',
    'x'.repeat(10_000),
    `00-${'0'.repeat(32)}-${parent}-01`,
    `00-${trace}-${'0'.repeat(16)}-01`,
    `ff-${trace}-${parent}-01`,
    `00-${trace}-${parent}-01-more`,
    `00-${trace.toUpperCase()}-${parent}-01`,
  ]) {
    const context = traceContextOf(bad);
    assert.equal(context.parentId, null, String(bad));
    assert.notEqual(context.traceId, trace);
  }
  assert.equal(traceContextOf(`cc-${trace}-${parent}-01-future`).traceId, trace);
});
