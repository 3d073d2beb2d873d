/** Load by autocannon through nginx: a rolling restart that nobody notices, and how much more two servers answer than one. */
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

const body = JSON.stringify(ask('steady', 16));

/** Loads `url` until `until` has resolved. */
async function shoot(url: string, connections: number, until: Promise<unknown>): Promise<Shot> {
  const run = autocannon({
    url: `${url}/v1/completions`,
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
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

/** Requests per second straight to one server, and to two at once, in turns. @returns the ratio of each pair of turns */
export async function twoOverOne(
  fleet: Fleet,
  connections: number,
  seconds: number,
  turns: number,
): Promise<number[]> {
  const [first = '', second = ''] = fleet.urls;
  const ratios: number[] = [];
  for (let turn = 0; turn < turns; turn++) {
    const one = await shoot(first, connections, pause(seconds * 1000));
    const both = await Promise.all(
      [first, second].map((url) => shoot(url, connections, pause(seconds * 1000))),
    );
    ratios.push(both.reduce((sum, { perSecond }) => sum + perSecond, 0) / one.perSecond);
  }
  return ratios;
}
