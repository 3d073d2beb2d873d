/** The manifests hold against Kubernetes' own schemas, and their parts against each other. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { z } from 'zod';
import { readSettings } from '../../src/config.js';
import { built, type Resource, readKustomization, root } from './manifests.js';

const kubernetes = join(root, 'deploy/kubernetes');
const base = join(kubernetes, 'base');
const overlays = readdirSync(join(kubernetes, 'overlays')).map((name) => join(kubernetes, 'overlays', name));

const Pods = z.object({
  spec: z.object({
    selector: z.object({ matchLabels: z.record(z.string(), z.string()) }),
    template: z.object({
      metadata: z.object({ labels: z.record(z.string(), z.string()) }),
      spec: z.object({
        terminationGracePeriodSeconds: z.number(),
        containers: z.array(
          z.looseObject({
            image: z.string(),
            args: z.array(z.string()),
            env: z.array(z.object({ name: z.string(), value: z.string() })).optional(),
            volumeMounts: z.array(z.object({ name: z.string(), mountPath: z.string() })),
          }),
        ),
        volumes: z.array(z.looseObject({ name: z.string() })),
      }),
    }),
  }),
});

const named = (all: readonly Resource[], kind: string, name = 'steerd') =>
  all.find((one) => one.kind === kind && one.metadata.name === name) ?? assert.fail(`no ${kind} ${name}`);

for (const folder of [base, ...overlays]) {
  test(`every resource of ${folder.slice(kubernetes.length + 1)} is valid`, async () => {
    const all = built(folder);
    assert.ok(all.length >= 9);
    for (const resource of all) {
      const { apiVersion, kind, metadata } = resource;
      const models: Record<string, unknown> = await import(`kubernetes-models/${apiVersion}`);
      const Model = models[kind];
      assert.ok(typeof Model === 'function', `${apiVersion} has no ${kind}`);
      const instance: { validate(): void } = Reflect.construct(Model, [resource]);
      assert.doesNotThrow(() => instance.validate(), `${kind} ${metadata.name}`);
    }
    const keys = all.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
    assert.equal(new Set(keys).size, keys.length);
  });
}

test('a schema that is broken is found', async () => {
  const { Deployment } = await import('kubernetes-models/apps/v1');
  const broken = { ...named(built(base), 'Deployment'), spec: { replicas: 'two' } };
  assert.throws(() => Reflect.construct(Deployment, [broken]).validate());
});

test('every file is a resource, and selectors, claims and volumes name what is there', () => {
  const files = readdirSync(base).filter((name) => name !== 'kustomization.yaml');
  assert.deepEqual(files.sort(), [...readKustomization(base).resources].sort());
  const all = built(base);
  const pods = all.filter(({ kind }) => kind === 'Deployment').map((one) => Pods.parse(one));
  const labels = pods.map(({ spec }) => spec.template.metadata.labels);
  const selects = (selector: unknown) => {
    const wanted = Object.entries(z.record(z.string(), z.string()).parse(selector));
    return labels.filter((has) => wanted.every(([key, value]) => has[key] === value)).length;
  };
  for (const { spec } of pods) {
    assert.equal(selects(spec.selector.matchLabels), 1);
    for (const { volumeMounts } of spec.template.spec.containers)
      for (const { name } of volumeMounts)
        assert.ok(
          spec.template.spec.volumes.some((volume) => volume.name === name),
          name,
        );
  }
  const at = (resource: Resource, ...path: string[]) =>
    path.reduce<unknown>((value, key) => z.looseObject({}).parse(value)[key], resource);
  assert.equal(selects(at(named(all, 'Service'), 'spec', 'selector')), 1);
  assert.equal(selects(at(named(all, 'PodDisruptionBudget'), 'spec', 'selector', 'matchLabels')), 1);
  assert.equal(selects(at(named(all, 'NetworkPolicy'), 'spec', 'podSelector', 'matchLabels')), 2);
  for (const scaler of all.filter(({ kind }) => kind === 'HorizontalPodAutoscaler'))
    named(all, 'Deployment', String(at(scaler, 'spec', 'scaleTargetRef', 'name')));
});

test('settings are real ones, and a pod may take its drain and its answers to their end', () => {
  for (const folder of [base, ...overlays]) {
    const all = built(folder);
    const told = z.object({ data: z.record(z.string(), z.string()) }).parse(named(all, 'ConfigMap')).data;
    for (const name of ['steerd', 'steerd-worker']) {
      const { spec } = Pods.parse(named(all, 'Deployment', name)).spec.template;
      const [container] = spec.containers;
      const own = Object.fromEntries((container?.env ?? []).map((one) => [one.name, one.value]));
      const settings = readSettings({ ...told, ...own, DATABASE_URL: 'postgresql://steerd@postgres/steerd' });
      const stopSeconds = 3;
      assert.ok(
        spec.terminationGracePeriodSeconds > stopSeconds + settings.drainDelay + settings.shutdownSeconds,
        `${name} of ${folder}`,
      );
      assert.deepEqual(container?.args, [name === 'steerd' ? 'serve' : 'worker']);
    }
  }
});

test('the same answers are asked for again elsewhere behind nginx and behind the ingress, and each of them is one', () => {
  const configuration = readFileSync(join(root, 'docker/nginx.scale.conf'), 'utf8');
  const [, pattern = ''] =
    /location ~ (\S+) \{\s+proxy_next_upstream [^;]*non_idempotent/.exec(configuration) ?? [];
  const openApi = JSON.parse(readFileSync(join(root, 'openapi/openapi.json'), 'utf8')) as { paths: object };
  const posts = Object.entries(openApi.paths).flatMap(([path, of]) =>
    'post' in (of as object) ? [path] : [],
  );
  const Rules = z.object({
    rules: z.tuple([z.object({ http: z.object({ paths: z.array(z.looseObject({ path: z.string() })) }) })]),
  });
  const { rules } = Rules.parse(named(built(base), 'Ingress', 'steerd-answers').spec);
  const behindIngress = rules[0].http.paths.map(({ path }) => path);
  const behindNginx = posts.filter((path) => new RegExp(pattern).test(path));
  assert.ok(behindNginx.length > 10);
  assert.deepEqual(behindIngress.toSorted(), behindNginx.toSorted());
  for (const path of behindNginx) assert.doesNotMatch(path, /fits|concepts|models|keys|jobs|benchmarks/);
});

test('both proxies wait longer than a server, and begin nothing anew that a server was too long for', () => {
  const { requestSeconds } = readSettings({});
  for (const [file, read, next] of [
    ['docker/nginx.scale.conf', /proxy_read_timeout (\d+)s;/g, /proxy_next_upstream_timeout (\d+)s;/g],
    [
      'deploy/kubernetes/base/service.yaml',
      /proxy-read-timeout: "(\d+)"/g,
      /proxy-next-upstream-timeout: "(\d+)"/g,
    ],
  ] as const) {
    const text = readFileSync(join(root, file), 'utf8');
    const [reads, nexts] = [read, next].map((one) =>
      [...text.matchAll(one)].map(([, value]) => Number(value)),
    );
    assert.ok(reads?.length && reads.length === nexts?.length, file);
    for (const value of reads) assert.ok(value > requestSeconds, `${file}: ${value}`);
    for (const value of nexts) assert.ok(value > 0 && value < requestSeconds, `${file}: ${value}`);
  }
});
