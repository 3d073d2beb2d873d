/** Pulls over HTTP: jobs, their events, who may ask for them, and what cancelling leaves. The hub is a stub. */
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { type TestContext, test } from 'node:test';
import { KeyUsage } from '../../src/access/key-usage.js';
import { PullJobs } from '../../src/models/pull/pull-jobs.js';
import { PullEvent, PullJob, PullList } from '../../src/schemas/pulls.js';
import { restrictServices } from '../../src/server/restricted-services.js';
import { buildWithKeys } from '../access/keys.js';
import { build } from '../helpers/app.js';
import { listen } from '../helpers/http.js';
import { hubModel } from '../helpers/hub-model.js';
import type { Fault } from '../helpers/stub-hub.js';
import { pullSetup, type SetupOptions } from '../models/pull/pull-helpers.js';

const weights = 'model.onnx.data';
const slow: Fault = { speed: 500_000 };

async function setup(t: TestContext, options: SetupOptions = {}) {
  const { stub, hub, modelsDirectory } = await pullSetup(t, options);
  const pulls = new PullJobs({ hub, modelsDirectory });
  const built = await build(t, { pulls });
  t.after(() => pulls.close());
  const job = async (id: string) => PullJob.parse((await built.app.inject(`/v1/models/pulls/${id}`)).json());
  const until = async (id: string, reached: (job: PullJob) => boolean) => {
    for (;;) {
      const now = await job(id);
      if (reached(now)) return now;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  const ended = (id: string) => until(id, ({ finished_at }) => finished_at !== null);
  const pull = async (body: object = {}) => {
    const reply = await built.app.inject({
      method: 'POST',
      url: '/v1/models/pull',
      payload: { model: 'tester/tiny', ...body },
    });
    assert.equal(reply.statusCode, 202, reply.body);
    return PullJob.parse(reply.json());
  };
  const cancel = (id: string) => built.app.inject({ method: 'DELETE', url: `/v1/models/pulls/${id}` });
  return { ...built, stub, pulls, modelsDirectory, job, until, ended, pull, cancel };
}

/** Events of a body, each with the id and the name it was sent with. */
function parsed(text: string): PullEvent[] {
  const blocks = text.split('\n\n').filter((block) => block !== '' && !block.startsWith(':'));
  return blocks.map((block) => {
    const [, id, name, data] = /^id: (\d+)\nevent: (\w+)\ndata: (.*)$/.exec(block) ?? assert.fail(block);
    const one = PullEvent.parse(JSON.parse(data as string));
    assert.deepEqual([one.id, one.type], [id, name]);
    return one;
  });
}

test('a pull is told from queue to end, and the model is there when it has succeeded', async (t) => {
  const { app, pull, ended, modelsDirectory, stub } = await setup(t, { fault: () => slow });
  const base = await listen(app);
  const { id, status, name } = await pull({ quantization: undefined });
  assert.deepEqual([status, name], ['running', 'tiny']);
  const reply = await fetch(`${base}/v1/models/pulls/${id}/events`);
  const events = parsed(await reply.text());
  const states = events.flatMap((one) => (one.type === 'status' ? [one.data.status] : []));
  assert.deepEqual(states, ['queued', 'running', 'succeeded']);
  const choice = events.find((one) => one.type === 'choice');
  assert.deepEqual(choice?.data, {
    commit: stub.commit,
    file: 'model.onnx',
    quantization: null,
    precision: null,
    others: [],
  });
  const progress = events.flatMap((one) => (one.type === 'progress' ? [one.data] : []));
  assert.ok(progress.length > 3);
  assert.ok(progress.every(({ done, total }, i) => done <= total && done >= (progress[i - 1]?.done ?? 0)));
  const job = await ended(id);
  assert.deepEqual(
    [job.status, job.commit, job.file, job.error],
    ['succeeded', stub.commit, 'model.onnx', null],
  );
  assert.deepEqual(await readdir(modelsDirectory), ['tiny']);
  assert.equal(job.progress?.done, job.progress?.total);

  const list = PullList.parse((await app.inject('/v1/models/pulls')).json());
  assert.deepEqual(
    list.data.map((one) => one.id),
    [id],
  );
  const last = events.at(-1)?.id as string;
  const over = await app.inject({
    url: `/v1/models/pulls/${id}/events`,
    headers: { 'last-event-id': last },
  });
  assert.deepEqual([over.statusCode, over.body], [204, '']);
});

test('the same again joins; another of that name is refused; cancelled leaves nothing that loads', async (t) => {
  const { pull, until, cancel, refused, modelsDirectory, pulls, ended } = await setup(t, {
    fault: () => slow,
  });
  const first = await pull();
  assert.equal((await pull()).id, first.id);
  const other = await refused('/v1/models/pull', { model: 'tester/tiny', revision: 'v1' });
  assert.deepEqual([other.status, other.code], [409, 'pull_running']);
  assert.ok(other.message.includes(first.id));
  const second = await pull({ name: 'second' });
  assert.equal(second.status, 'queued');
  await until(first.id, ({ progress }) => (progress?.done ?? 0) > 50_000);
  const cancelled = PullJob.parse((await cancel(first.id)).json());
  assert.deepEqual([cancelled.status, cancelled.error], ['cancelled', null]);
  assert.ok(!(await readdir(modelsDirectory)).includes('tiny'));
  assert.equal((await cancel(first.id)).statusCode, 200);
  assert.equal((await ended(second.id)).status, 'succeeded');
  assert.equal((await cancel(second.id)).statusCode, 409);
  assert.equal((await cancel('pull-none')).statusCode, 404);
  const again = await pull();
  const begun = await until(again.id, ({ progress }) => progress?.stage === 'download');
  assert.ok((begun.progress?.done ?? 0) > 50_000, 'it goes on with what was there');
  await pulls.close();
  assert.equal((await pulls.get(again.id))?.status, 'cancelled');
  assert.deepEqual(await readdir(modelsDirectory), ['.pull', 'second']);
});

test('what fails says why in the job: wrong bytes, an unknown model, nothing that fits', async (t) => {
  const files = await hubModel();
  const wrong = Buffer.alloc((files[weights] as Buffer).length, 1);
  const { pull, ended, modelsDirectory } = await setup(t, {
    files,
    fault: (path) => (path === weights ? { bytes: wrong } : undefined),
  });
  const errors = await Promise.all(
    [{}, { model: 'tester/other' }, { name: 'b', quantization: 'q4' }, { name: 'c', file: 'x.onnx' }].map(
      async (body) => {
        const { status, error } = await ended((await pull(body)).id);
        return [status, error?.code];
      },
    ),
  );
  assert.deepEqual(errors, [
    ['failed', 'hub_wrong_bytes'],
    ['failed', 'hub_model_not_found'],
    ['failed', 'nothing_to_pull'],
    ['failed', 'nothing_to_pull'],
  ]);
  assert.deepEqual(
    (await readdir(modelsDirectory)).filter((name) => !name.startsWith('.')),
    [],
  );
});

test('requests that make no sense are refused at once, with the field', async (t) => {
  const { refused, app } = await setup(t);
  const cases: readonly [object, string | null, RegExp][] = [
    [{}, 'model', /^model must be the id of a model on the hub/],
    [{ model: '../../etc' }, 'model', /received "..\/..\/etc"/],
    [{ model: 'https://evil.example/x' }, 'model', /must be the id/],
    [{ model: 'a/b/c' }, 'model', /must be the id/],
    [{ model: 'a/b', revision: '../x' }, 'revision', /a branch, a tag or a commit/],
    [{ model: 'a/b', quantization: 'q3' }, 'quantization', /must be one of "q4"/],
    [{ model: 'a/b', file: '../model.onnx' }, 'file', /path of an \.onnx or \.gguf file/],
    [{ model: 'a/b', name: 'a/b' }, 'name', /a folder name/],
    [{ model: 'a/b', name: '.pull' }, 'name', /a folder name/],
    [{ model: 'a/b', quantisation: 'q4' }, null, /did you mean "quantization"/],
  ];
  for (const [body, param, message] of cases) {
    const refusal = await refused('/v1/models/pull', body);
    assert.deepEqual([refusal.status, refusal.param], [400, param], refusal.message);
    assert.match(refusal.message, message);
  }
  assert.equal((await app.inject('/v1/models/pulls/none')).statusCode, 404);
  assert.equal((await app.inject('/v1/models/tiny')).statusCode, 200);
});

test('pulls need a key with scope admin', async (t) => {
  const { hub, modelsDirectory } = await pullSetup(t);
  const pulls = new PullJobs({ hub, modelsDirectory });
  const built = await buildWithKeys(
    t,
    [{ scopes: ['concepts:write', 'completions'] }, { scopes: ['admin'] }],
    { pulls },
  );
  const statuses = async (method: 'GET' | 'POST' | 'DELETE', url: string) => {
    const all: number[] = [];
    for (const secret of [undefined, ...built.secrets]) {
      const headers = secret === undefined ? {} : built.with(secret);
      const payload = method === 'POST' ? { payload: { model: 'tester/tiny' } } : {};
      all.push((await built.app.inject({ method, url, headers, ...payload })).statusCode);
    }
    return all;
  };
  assert.deepEqual(await statuses('POST', '/v1/models/pull'), [401, 403, 202]);
  assert.deepEqual(await statuses('GET', '/v1/models/pulls'), [401, 403, 200]);
  assert.deepEqual(await statuses('GET', '/v1/models/pulls/none'), [401, 403, 404]);
  assert.deepEqual(await statuses('DELETE', '/v1/models/pulls/none'), [401, 403, 404]);
  await pulls.close();

  // Not only the routes: whoever works in the name of a key finds the same limits.
  const key = { ...(built.services.access?.keys.find(built.secrets[0] ?? '') ?? assert.fail('no key')) };
  const caller = { key, usage: new KeyUsage(key) };
  const restricted = restrictServices(built.services, caller);
  const create = () => restricted.pulls.create({ model: 'tester/tiny', revision: 'main' });
  await assert.rejects(create, /this needs an API key with scope admin/);
});
