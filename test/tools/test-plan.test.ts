/** What the test commands run. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { packageRoot } from '../../src/common/package.js';
import { planTests, testFiles } from './test-plan.js';

const all = testFiles(packageRoot);
const processes = planTests(all).flatMap((phase) => phase.processes);

test('every test file is run once', () => {
  assert.ok(all.length > 100);
  assert.deepEqual(processes.flatMap(({ files }) => files).sort(), all);
});

test('names say when a file runs, folders with whom', () => {
  const files = [
    ...['routes/a', 'routes/b', 'engine/c', 'engine/d.alone'],
    ...['e2e/e.slow', 'e2e/one-server/f.slow', 'e2e/g.alone.slow'],
  ];
  const phases = planTests(files.map((file) => `test/${file}.test.ts`));
  assert.deepEqual(
    phases.map(({ processes }) => processes.map((one) => one.files.length)),
    [[2, 1], [1], [1, 1], [1]],
  );
  assert.deepEqual(
    phases.map(({ concurrency }) => concurrency),
    [2, 1, 2, 1],
  );
});

test('files that share a process have no hooks outside of a suite', () => {
  const shared = processes.filter(({ files }) => files.length > 1).flatMap(({ files }) => files);
  const hooks = /^(before|after)(Each)?\(/m;
  const faulty = shared.filter((file) => hooks.test(readFileSync(join(packageRoot, file), 'utf8')));
  assert.deepEqual(faulty, []);
});
