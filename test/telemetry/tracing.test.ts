/** Spans as a collector receives them. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { ConfigError, readSettings } from '../../src/config.js';
import { SpanExporter } from '../../src/telemetry/otlp.js';
import { traceContextOf } from '../../src/telemetry/trace-context.js';
import { buildWithKeys } from '../access/keys.js';
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

/** @param key that its header `x-key` must have */
async function collector(t: TestContext, key?: string) {
  const spans: SentSpan[] = [];
  let requests = 0;
  const server = createServer(async (request, reply) => {
    requests++;
    let text = '';
    for await (const chunk of request) text += chunk;
    assert.equal(request.url, '/v1/traces');
    const status = key === undefined || request.headers['x-key'] === key ? 200 : 401;
    if (status === 200) spans.push(...JSON.parse(text).resourceSpans[0].scopeSpans[0].spans);
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

test('a collector that demands a header gets spans with model, tokens, concepts and strengths', async (t) => {
  const { endpoint, spans } = await collector(t, 'a=b, c');
  const { OTEL_EXPORTER_OTLP_HEADERS, ...rest } = {
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    OTEL_EXPORTER_OTLP_HEADERS: 'other=1, x-key = a=b%2C%20c',
  };
  const { traceEndpoint, traceHeaders } = readSettings({ ...rest, OTEL_EXPORTER_OTLP_HEADERS });
  const built = await buildWithKeys(t, [{ name: 'team' }], {
    settings: { traceEndpoint, traceHeaders },
    answer: () => 'abcd',
  });
  const items = [
    { concept: 'pirate', strength: 0.5 },
    { concept: 'ocean', strength: -1 },
  ];
  const payload = { messages: [{ role: 'user', content: 'Hi' }], n: 2, steering: items, stream: true };
  const headers = built.with(built.secrets[0]);
  await built.app.inject({ method: 'POST', url: '/v1/chat/completions', headers, payload });
  await built.app.close();
  const attributes = Object.fromEntries(spans[0]?.attributes.map(({ key, value }) => [key, value]) ?? []);
  assert.deepEqual(attributes['gen_ai.request.model'], { stringValue: 'tiny' });
  assert.deepEqual(attributes['gen_ai.usage.output_tokens'], { intValue: '8' });
  assert.ok(Number(attributes['gen_ai.usage.input_tokens']?.intValue) > 2);
  assert.deepEqual(attributes['steerd.concepts'], {
    arrayValue: { values: [{ stringValue: 'pirate' }, { stringValue: 'ocean' }] },
  });
  assert.deepEqual(attributes['steerd.strengths'], {
    arrayValue: { values: [{ doubleValue: 0.5 }, { doubleValue: -1 }] },
  });
  assert.deepEqual(attributes['steerd.key_name'], { stringValue: 'team' });
});

test('headers for a collector that make no sense are refused without being told', () => {
  for (const OTEL_EXPORTER_OTLP_HEADERS of ['secret', 'a b=secret', '=secret', 'a=%secret']) {
    assert.throws(
      () => readSettings({ OTEL_EXPORTER_OTLP_HEADERS }),
      (error: unknown) => error instanceof ConfigError && !error.message.includes('secret'),
    );
  }
});

test('every line of a request has its trace and its key, also where nothing is collected', async (t) => {
  const { endpoint } = await collector(t);
  for (const traceEndpoint of [endpoint, '']) {
    const lines: string[] = [];
    const built = await buildWithKeys(t, [{ name: 'team' }], {
      settings: { traceEndpoint },
      onLog: (line) => lines.push(line),
    });
    const key = built.with(built.secrets[0]);
    const headers = { ...key, traceparent: `00-${trace}-${parent}-01`, 'x-request-id': 'mine' };
    const send = (payload: object) =>
      built.app.inject({ method: 'POST', url: '/v1/chat/completions', headers, payload });
    await send({ messages: [{ role: 'user', content: 'Hi' }], concept: 'pirate' });
    await send({ messages: [] });
    await built.app.inject({ url: '/v1/models', headers: { ...headers, authorization: 'Bearer wrong' } });
    const mine = lines.map((line) => JSON.parse(line)).filter(({ reqId }) => reqId === 'mine');
    assert.deepEqual(
      mine.map(({ msg }) => msg).filter((text) => /^(incoming request|request completed)$/.test(text)),
      ['incoming request', 'request completed', 'incoming request', 'request completed', 'request completed'],
    );
    for (const line of mine) assert.equal(line.trace_id, trace, JSON.stringify(line));
    for (const line of mine.slice(0, -2)) {
      assert.deepEqual([line.key_name, typeof line.key], ['team', 'string'], JSON.stringify(line));
    }
    assert.equal(mine.at(-1).key, undefined, 'nobody knows whose a wrong key is');
    const [, completed] = mine;
    assert.deepEqual(
      [completed.model, completed.steering, completed.res.statusCode],
      ['tiny', { pirate: 1 }, 200],
    );
    assert.ok(completed.prompt_tokens > 0 && completed.completion_tokens > 0);
  }
});

test('of requests that went well only a share is logged, what failed always', async (t) => {
  const lines: string[] = [];
  const { app } = await build(t, { settings: { logSampling: 0 }, onLog: (line) => lines.push(line) });
  await app.inject('/v1/models');
  assert.equal(lines.length, 0);
  await app.inject('/v1/models/nobody');
  assert.ok(lines.some((line) => line.includes('"request completed"')));
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

test('a request that its key may not make is logged with the key', async (t) => {
  const lines: string[] = [];
  const onLog = (line: string) => lines.push(line);
  const built = await buildWithKeys(t, [{ name: 'scraper', scopes: ['metrics'] }], { onLog });
  const headers = { ...built.with(built.secrets[0]), 'x-request-id': 'mine' };
  const reply = await built.app.inject({ url: '/v1/models', headers });
  assert.equal(reply.statusCode, 403);
  const mine = lines.map((line) => JSON.parse(line)).filter(({ reqId }) => reqId === 'mine');
  assert.ok(mine.some(({ msg }) => msg === 'request completed'));
  for (const line of mine) assert.equal(line.key_name, 'scraper', JSON.stringify(line));
});
