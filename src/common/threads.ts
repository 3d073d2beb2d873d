/**
 * How many threads one operator may use: the cores of the process, or less where a container is limited to a share of
 * their time.
 */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** With more threads, decoding small batches gets no faster: it is bound by the memory traffic of the weights. */
const mostThreads = 16;

/**
 * @param asked a number of threads, or 0 for one on every core this process may use: more threads than cores would
 *   spin against each other
 * @param quota cores' worth of time, as `cpuQuota` has it
 */
export function chooseThreads(asked: number, quota: number = cpuQuota()): number {
  if (asked > 0) return asked;
  return Math.max(1, Math.min(availableParallelism(), Math.floor(quota), mostThreads));
}

/** Where a container sees its own control group. */
const controlGroup = '/sys/fs/cgroup';

/**
 * The CPU time that the control group leaves this process, as Docker's `--cpus` sets it (version 2:
 * docs.kernel.org/admin-guide/cgroup-v2.html, `cpu.max`; else version 1). Node 20's `availableParallelism` ignores it
 * and counts the cores that may be used, each of them fully.
 * @param read gives a file's text, or null when there is no such file
 * @returns cores' worth of time, such as 1.5; Infinity without a limit
 */
export function cpuQuota(read: (path: string) => string | null = readIfThere): number {
  const [quota, period] = (
    read(`${controlGroup}/cpu.max`) ??
    [read(`${controlGroup}/cpu/cpu.cfs_quota_us`), read(`${controlGroup}/cpu/cpu.cfs_period_us`)].join(' ')
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
