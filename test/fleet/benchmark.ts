/** A run of the benchmark whose worker is killed: another goes on with it, and every cell is there once. */
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { BenchmarkRun } from '../../src/schemas/benchmarks.js';
import { call, json } from './calls.js';
import type { Fleet } from './fleet.js';

/** Three concepts: plain, told, and two methods at two strengths, of two prompts each. */
const asked = {
  concepts: ['sea', 'tea', 'sky'].map((name) => ({
    name,
    prefix: `You like ${name}.`,
    prompts: ['Well?', 'And?'],
  })),
  recipes: ['responses'],
  methods: ['mean_difference', 'pca'],
  calibration: 'none',
  strengths: [0.5, 1],
  max_tokens: 6,
};
const cells = 3 * (2 + 2 * 2) * 2;

/** @returns answers before the kill, and all there are */
export async function benchmarkGoesOn(fleet: Fleet, name: string): Promise<string> {
  const now = async (url = fleet.url) => BenchmarkRun.parse(json(await call(url, `/v1/benchmarks/${name}`)));
  json(await call(fleet.url, '/v1/benchmarks', { ...asked, name }));
  let before = await now();
  for (; before.answers.done < cells / 3 && before.state !== 'done'; before = await now()) await pause(50);
  await fleet.worker.kill();
  before = await now();
  await fleet.worker.start();
  const until = performance.now() + 120_000;
  for (;;) {
    const run = await now();
    if (run.job?.finished_at != null) break;
    assert.ok(performance.now() < until, JSON.stringify(run));
    await pause(200);
  }
  for (const url of fleet.urls) {
    const { state, job, answers, fits } = await now(url);
    assert.deepEqual(
      [state, job?.status, answers, fits],
      ['done', 'succeeded', { done: cells, total: cells }, { done: 6, total: 6, failed: 0 }],
      job?.error?.message,
    );
  }
  assert.match((await call(fleet.url, `/v1/benchmarks/${name}/report`)).text, /<html/);
  json(await call(fleet.url, `/v1/benchmarks/${name}`, undefined, 'DELETE'));
  return `${before.answers.done} of ${cells} answers before the kill, each once at the end`;
}
