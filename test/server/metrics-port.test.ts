/** The port for /metrics alone: no key, nothing else, and a clear word where it cannot be had. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError, readSettings } from '../../src/config.js';
import { observeWorker } from '../../src/server/gauges.js';
import { openMetricsPort } from '../../src/server/metrics-port.js';
import { Metrics } from '../../src/telemetry/metrics.js';
import { build } from '../helpers/app.js';

test('a worker tells its numbers and that it lives, to whoever reaches the port, and nothing else', async (t) => {
  const { services } = await build(t);
  const metrics = new Metrics();
  observeWorker(metrics, services);
  const port = await openMetricsPort({ host: '127.0.0.1', port: 0 }, metrics);
  assert.ok(port !== null);
  t.after(() => port.close());
  const ask = async (path: string, method = 'GET') => {
    const reply = await fetch(`http://127.0.0.1:${port.port}${path}`, { method });
    return [reply.status, await reply.text()] as const;
  };
  const [status, text] = await ask('/metrics');
  assert.equal(status, 200);
  assert.match(text, /^steerd_jobs_waiting\{kind="pull"\} 0$/m);
  assert.match(text, /^steerd_models_loaded 1$/m);
  assert.deepEqual(await ask('/health'), [200, '{"status":"ok"}']);
  assert.equal((await ask('/v1/models'))[0], 404);
  assert.equal((await ask('/metrics', 'POST'))[0], 405);
  await assert.rejects(
    openMetricsPort({ host: '127.0.0.1', port: port.port }, metrics),
    (error: unknown) => error instanceof ConfigError && /cannot be listened on/.test(error.message),
  );
});

test('an address is a port of this machine, or an address with a port', () => {
  const of = (value: string) => readSettings({ STEERD_METRICS_ADDRESS: value }).metricsAddress;
  assert.equal(readSettings({}).metricsAddress, null);
  assert.deepEqual(of('9464'), { host: '127.0.0.1', port: 9464 });
  assert.deepEqual(of('0.0.0.0:9464'), { host: '0.0.0.0', port: 9464 });
  assert.deepEqual(of('[::1]:9464'), { host: '::1', port: 9464 });
  for (const bad of ['70000', ':9464', 'localhost', 'a b:1', '-1', 'http://x:1'])
    assert.throws(() => of(bad), /STEERD_METRICS_ADDRESS must be "none", a port/, bad);
});
