/** Dashboard, alerts and scaling rules name metrics that a server has. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { z } from 'zod';
import { Metrics } from '../../src/telemetry/metrics.js';
import { root } from './manifests.js';

/** Of a server: its own, its jobs' and its process's. */
async function exposed(): Promise<Set<string>> {
  const metrics = new Metrics({ process: true });
  metrics.observe(() => ({
    ...{ running: 0, waiting: 0, cacheUsage: 0, concepts: 0, answers: 0 },
    ...{ ready: true, modelsLoaded: 0, modelBytes: 0 },
  }));
  metrics.observeJobs({ fit: () => ({ own: { running: 1 }, waiting: 2 }) });
  const names = new Set<string>();
  for (const line of (await metrics.registry.metrics()).split('\n')) {
    const [, name, type] = /^# TYPE (\S+) (\S+)/.exec(line) ?? [];
    if (name === undefined) continue;
    names.add(name);
    if (type === 'histogram') for (const end of ['bucket', 'sum', 'count']) names.add(`${name}_${end}`);
  }
  return names;
}

const metricsIn = (expression: string) => expression.match(/\b(steerd|nodejs|process)_\w+/g) ?? [];

const Dashboard = z.object({
  panels: z.array(
    z.object({
      id: z.number(),
      title: z.string(),
      gridPos: z.object({ x: z.number(), y: z.number() }),
      targets: z.array(z.object({ expr: z.string(), refId: z.string() })).min(1),
    }),
  ),
});
const Alerts = z.object({
  groups: z.array(
    z.object({
      rules: z.array(
        z.strictObject({
          alert: z.string(),
          expr: z.string(),
          for: z
            .string()
            .regex(/^\d+[smh]$/)
            .optional(),
          labels: z.object({ severity: z.enum(['warning', 'critical']) }),
          annotations: z.object({ summary: z.string() }),
        }),
      ),
    }),
  ),
});
const Scaler = z.object({
  metrics: z.object({ name: z.string() }),
});

const text = (file: string) => readFileSync(join(root, file), 'utf8');

test('every metric that the dashboard, the alerts and the scaling rules name is one of a server', async () => {
  const names = await exposed();
  const { panels } = Dashboard.parse(JSON.parse(text('deploy/grafana/steerd.json')));
  const { groups } = Alerts.parse(parse(text('deploy/prometheus/alerts.yaml')));
  const expressions = [
    ...panels.flatMap(({ title, targets }) => targets.map(({ expr }) => [title, expr] as const)),
    ...groups.flatMap(({ rules }) => rules.map(({ alert, expr }) => [alert, expr] as const)),
    ['adapter', text('deploy/prometheus/adapter.yaml')] as const,
  ];
  let found = 0;
  for (const [where, expression] of expressions)
    for (const name of metricsIn(expression)) {
      found++;
      assert.ok(names.has(name), `${where}: there is no ${name}`);
    }
  assert.ok(found > 30);
  for (const { title, targets } of panels)
    assert.equal(new Set(targets.map(({ refId }) => refId)).size, targets.length, title);
  const places = panels.map(({ gridPos }) => `${gridPos.x} ${gridPos.y}`);
  assert.equal(new Set(places).size, places.length, 'panels lie on each other');
});

test('the autoscalers ask for what the adapter gives', () => {
  const adapter = text('deploy/prometheus/adapter.yaml');
  const asked = [...text('deploy/kubernetes/base/scaling.yaml').matchAll(/metric: \{ name: (\w+) \}/g)].map(
    ([, name]) => name ?? '',
  );
  assert.equal(asked.length, 2);
  for (const name of asked)
    assert.ok(adapter.includes(`seriesQuery: '${Scaler.parse({ metrics: { name } }).metrics.name}{`), name);
});
