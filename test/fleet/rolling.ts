/** Load by autocannon through nginx: a rolling restart that nobody notices, and how much more two servers answer than one. */
import { execFileSync } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import autocannon from 'autocannon';
import { ask } from './calls.js';
import type { Fleet } from './fleet.js';

interface Shot {
  readonly requests: number;
  readonly perSecond: number;
  /** Without an answer, or with another than 200. */
  readonly failed: number;
}

/** Loads `url` until `until` has resolved. */
async function shoot(url: string, connections: number, until: Promise<unknown>, tokens = 16): Promise<Shot> {
  const run = autocannon({
    url: `${url}/v1/completions`,
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(ask('steady', tokens)),
    connections,
    duration: 600,
    timeout: 60,
  });
  await until;
  const stopped = run;
  // Those under way at the stop are no failures: autocannon counts only replies.
  (run as unknown as { stop(): void }).stop();
  const { requests, non2xx, errors, timeouts, duration } = await stopped;
  return {
    requests: requests.total,
    perSecond: requests.total / duration,
    failed: non2xx + errors + timeouts,
  };
}

/** Every server in turn is stopped as an orchestrator does, and started again. */
export async function rollingRestart(
  fleet: Fleet,
  connections: number,
): Promise<Shot & { readonly codes: number[] }> {
  const codes: number[] = [];
  const restart = async () => {
    await pause(500);
    for (const replica of fleet.replicas) {
      codes.push((await replica.stop()) ?? -1);
      await replica.start();
    }
    await pause(500);
  };
  return { ...(await shoot(fleet.url, connections, restart())), codes };
}

/** So long that the client, which has no core of its own, takes little beside the servers. */
const longAnswer = 200;

/**
 * Requests per second straight to one server, and to two at once, in turns, each on a core of its own (taskset of util-linux).
 * @returns the ratio of each pair of turns
 */
export async function twoOverOne(
  fleet: Fleet,
  connections: number,
  seconds: number,
  turns: number,
): Promise<number[]> {
  const [first = '', second = ''] = fleet.urls;
  for (const [core, { pid }] of fleet.replicas.slice(0, 2).entries())
    if (pid !== null) execFileSync('taskset', ['-acp', String(core), String(pid)], { stdio: 'ignore' });
  const load = (url: string) => shoot(url, connections, pause(seconds * 1000), longAnswer);
  const ratios: number[] = [];
  for (let turn = 0; turn < turns; turn++) {
    const one = await load(turn % 2 === 0 ? first : second);
    const both = await Promise.all([first, second].map(load));
    ratios.push(both.reduce((sum, { perSecond }) => sum + perSecond, 0) / one.perSecond);
  }
  return ratios;
}
