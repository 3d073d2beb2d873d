/** Sweeps and calibrations as jobs: followed to their end, one after the other, each for the key that asked. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PairsRequest } from '../../src/engine/protocol.js';
import { CalibrationJob, SweepEvent, SweepJob, SweepList } from '../../src/schemas/measurement-jobs.js';
import { Sweep } from '../../src/schemas/measurements.js';
import { buildWithKeys } from '../access/keys.js';
import { build, gate, until } from '../helpers/app.js';
import type { FakeEngine } from '../helpers/fake-engine.js';

/** The fake engine judges nothing: every token is as likely as any other here. */
const judging = (engine: FakeEngine) =>
  Object.assign(engine, {
    scoreMany: async ({ pairs, answers }: PairsRequest) =>
      pairs.map(([, answer]) => new Float32Array(answers[answer]?.length ?? 0).fill(-1)),
  });

const body = { prompts: ['Hi', 'Ho'], concepts: ['pirate'], strengths: [0, 1], max_tokens: 4 };

test('a sweep as a job gives what the sweep at once gives, with its progress', async (t) => {
  const { app, engine, post } = await build(t);
  judging(engine);
  const job = await post('/v1/sweeps?wait=true', body, SweepJob);
  assert.equal(job.status, 'succeeded', job.error?.message);
  assert.equal(job.answers, 4);
  assert.deepEqual(job.result, await post('/v1/steering/sweep', body, Sweep));
  const { data } = SweepList.parse((await app.inject('/v1/sweeps')).json());
  assert.deepEqual(
    data,
    [{ ...job, result: undefined }].map(({ result: _, ...rest }) => rest),
  );
  const told = await app.inject(`/v1/sweeps/${job.id}/events`);
  const events = told.body
    .split('\n\n')
    .flatMap((block) => /^data: (.*)$/m.exec(block)?.[1] ?? [])
    .map((line) => SweepEvent.parse(JSON.parse(line)));
  const last = events.filter(({ type }) => type === 'progress');
  assert.ok(last.every(({ data }) => 'done' in data && data.done === data.total));
  assert.deepEqual(
    events.map((event) => (event.type === 'status' ? event.data.status : event.data.stage)),
    ['queued', 'running', 'answer', 'judge', 'succeeded'],
  );
  assert.equal((await app.inject({ method: 'POST', url: `/v1/sweeps/${job.id}/cancel` })).statusCode, 409);
  const gone = await app.inject('/v1/sweeps/sweep-none');
  assert.deepEqual([gone.statusCode, gone.json().error.code], [404, 'job_not_found']);
});

test('jobs wait for one another, and a cancelled one frees its place and leaves nothing running', async (t) => {
  const open = gate();
  const { app, engine, post, refused } = await build(t, { pace: () => open.passed });
  judging(engine);
  const first = await post('/v1/sweeps', body, SweepJob);
  const second = await post('/v1/sweeps', body, SweepJob);
  await until(() => engine.running === 4);
  assert.equal(SweepJob.parse((await app.inject(`/v1/sweeps/${second.id}`)).json()).status, 'queued');
  // Not over HTTP: the fake's steps end when the gate opens, and that must be after this.
  const cancelling = app.measurementJobs.sweeps(null).cancel(first.id);
  open.open();
  const cancelled = await cancelling;
  assert.deepEqual([cancelled.status, cancelled.result], ['cancelled', null]);
  const done = SweepJob.parse((await app.inject(`/v1/sweeps/${second.id}?wait=true`)).json());
  assert.equal(done.status, 'succeeded');
  assert.equal(engine.running, 0);
  for (const [path, asked, message] of [
    ['/v1/sweeps', { ...body, concepts: ['nobody'] }, /concepts\.0.*nobody|nobody/],
    ['/v1/calibrations', { concept: 'nobody' }, /nobody/],
    ['/v1/calibrations', {}, /concept must be/],
    ['/v1/calibrations', { concept: 'pirate', decoys: [] }, /has no field "decoys"/],
  ] as const)
    assert.match((await refused(path, asked)).message, message);
});

test('a calibration that fails says why, and a job is there for its key alone', async (t) => {
  const {
    app,
    with: as,
    secrets,
  } = await buildWithKeys(t, [
    { scopes: ['concepts:write', 'completions'] },
    { scopes: ['concepts:write', 'completions'] },
  ]);
  const [mine, other] = secrets;
  // One question reaches beyond the fake's context.
  const payload = { concept: 'pirate', questions: ['Hi?', 'x'.repeat(1900)], max_tokens: 512 };
  const reply = await app.inject({
    method: 'POST',
    url: '/v1/calibrations?wait=true',
    headers: as(mine),
    payload,
  });
  const job = CalibrationJob.parse(reply.json());
  assert.deepEqual([job.status, job.concept], ['failed', null]);
  assert.ok(job.error !== null && job.error.code !== 'internal_error', job.error?.code);
  const seen = (secret: string | undefined, path = '') =>
    app.inject({ url: `/v1/calibrations${path}`, headers: as(secret) });
  assert.equal((await seen(mine)).json().data.length, 1);
  assert.equal((await seen(other)).json().data.length, 0);
  assert.equal((await seen(other, `/${job.id}`)).statusCode, 404);
  assert.equal((await seen(other, `/${job.id}/events`)).statusCode, 404);
});
