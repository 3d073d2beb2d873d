/** Every test of a whole server goes through nginx in `npm run fleet -- --api`, or says why it cannot. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { packageRoot } from '../../src/common/package.js';
import { answeredByNginx, notThroughNginx, throughNginx } from './api.js';

test('each file of test/e2e stands in one of the two lists', () => {
  const there = readdirSync(join(packageRoot, 'test/e2e'), { recursive: true, encoding: 'utf8' })
    .map((file) => `e2e/${file.replaceAll('\\', '/')}`)
    .filter((file) => file.endsWith('.test.ts'));
  assert.deepEqual([...throughNginx, ...Object.keys(notThroughNginx)].sort(), there.sort());
});

test('each test that nginx answers itself is there, and skips itself then', () => {
  for (const [file, titles] of Object.entries(answeredByNginx)) {
    const source = readFileSync(join(packageRoot, 'test', file), 'utf8');
    for (const title of Object.keys(titles))
      assert.ok(source.includes(`test('${title}', { skip: connectionsAreNginxs }`), title);
    const skipping = source.match(/skip: connectionsAreNginxs/g)?.length;
    assert.equal(skipping, Object.keys(titles).length, file);
  }
});
