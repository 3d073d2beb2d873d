/** A container's share of the machine, and the threads it leaves. */
import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { test } from 'node:test';
import { chooseThreads, cpuQuota } from '../../src/common/threads.js';

const from = (files: Record<string, string>) =>
  cpuQuota((path) => files[path.replace('/sys/fs/cgroup/', '')] ?? null);

test('both versions of control groups are read', () => {
  assert.equal(from({ 'cpu.max': '150000 100000\n' }), 1.5);
  assert.equal(from({ 'cpu/cpu.cfs_quota_us': '200000\n', 'cpu/cpu.cfs_period_us': '50000\n' }), 4);
});

test('no limit is no limit', () => {
  const unlimited: Record<string, string>[] = [
    { 'cpu.max': 'max 100000\n' },
    { 'cpu/cpu.cfs_quota_us': '-1\n', 'cpu/cpu.cfs_period_us': '100000\n' },
    {},
  ];
  for (const files of unlimited) assert.equal(from(files), Number.POSITIVE_INFINITY);
});

test('threads fit into the share, at least one, and what is asked for is taken', () => {
  const cores = Math.min(availableParallelism(), 16);
  assert.deepEqual(
    [0.5, 1.5, Number.POSITIVE_INFINITY].map((quota) => chooseThreads(0, quota)),
    [1, 1, cores],
  );
  assert.equal(chooseThreads(3, 1), 3);
});
