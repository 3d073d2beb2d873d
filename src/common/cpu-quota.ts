/**
 * The share of the machine's time that a control group leaves this process, as containers are limited by `--cpus`.
 * Node 20 does not look at it: `availableParallelism` counts the cores that may be used, each of them fully.
 */
import { readFileSync } from 'node:fs';

/** Where a container sees its own group: version 2 (docs.kernel.org/admin-guide/cgroup-v2.html), then version 1. */
const groups = '/sys/fs/cgroup';

/** @returns cores' worth of time, such as 1.5; Infinity without a limit */
export function cpuQuota(read: (path: string) => string | null = readIfThere): number {
  const [quota, period] = (
    read(`${groups}/cpu.max`) ??
    [read(`${groups}/cpu/cpu.cfs_quota_us`), read(`${groups}/cpu/cpu.cfs_period_us`)].join(' ')
  )
    .trim()
    .split(/\s+/)
    .map(Number);
  // "max", and -1 in version 1, mean no limit.
  return quota && period && quota > 0 && period > 0 ? quota / period : Number.POSITIVE_INFINITY;
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
