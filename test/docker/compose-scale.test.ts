/** The compose file of a fleet and its nginx: settings that exist, servers that exist, time to stop. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { z } from 'zod';
import { readSettings } from '../../src/config.js';
import { root } from '../deploy/manifests.js';

const Service = z.looseObject({
  command: z.array(z.string()).optional(),
  environment: z.record(z.string(), z.string()).optional(),
  stop_grace_period: z.string().optional(),
  volumes: z.array(z.string()).optional(),
});
const Compose = z.looseObject({
  services: z.record(z.string(), Service),
  volumes: z.record(z.string(), z.unknown()),
});

const { services, volumes } = Compose.parse(
  parse(readFileSync(join(root, 'docker/compose.scale.yaml'), 'utf8'), { merge: true }),
);
const ours = Object.entries(services).filter(([, { image }]) => image === 'steerd');

test('replicas and worker have settings that exist, and time for their drain and their answers', () => {
  assert.deepEqual(ours.map(([name]) => name).sort(), ['replica-1', 'replica-2', 'worker']);
  for (const [name, { environment = {}, command, stop_grace_period }] of ours) {
    const filled = Object.entries(environment).map(([key, value]) => [
      key,
      value.replace(/\$\{[^}]*\}/g, 'p'),
    ]);
    const settings = readSettings({ ...Object.fromEntries(filled), STEERD_API_KEY: '' });
    assert.match(settings.databaseUrl, /@postgres:5432\/steerd$/);
    assert.equal(settings.takeJobs, name === 'worker');
    assert.deepEqual(command, name === 'worker' ? ['worker'] : undefined);
    assert.ok(
      Number.parseInt(stop_grace_period ?? '', 10) > settings.drainDelay + settings.shutdownSeconds,
      name,
    );
  }
});

test('nginx knows the replicas, and every volume is declared', () => {
  const configuration = readFileSync(join(root, 'docker/nginx.scale.conf'), 'utf8');
  const upstream = [...configuration.matchAll(/^\s+server (\S+):8080 /gm)].map(([, name]) => name);
  assert.deepEqual(
    upstream,
    ours.map(([name]) => name).filter((name) => name !== 'worker'),
  );
  for (const { volumes: mounted = [] } of Object.values(services))
    for (const volume of mounted) {
      const [source = ''] = volume.split(':');
      assert.ok(source.startsWith('.') || source in volumes, volume);
    }
});
