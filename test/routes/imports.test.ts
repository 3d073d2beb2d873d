/** Imports over HTTP: jobs, their events, who may ask for them, and where paths may lead. */
import assert from 'node:assert/strict';
import { copyFile, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { packageRoot } from '../../src/common/package.js';
import type { Builder } from '../../src/models/import/builder.js';
import { ImportJobs } from '../../src/models/import/import-jobs.js';
import { ImportEvent, ImportJob, ImportList } from '../../src/schemas/imports.js';
import { temporaryFolder } from '../concepts/sample.js';
import { build } from '../helpers/app.js';
import { quick } from '../models/import/quick-builder.js';

async function setup(t: TestContext, builder: Builder = quick) {
  const place = await temporaryFolder(t);
  await mkdir(join(place, 'checkpoints'));
  await copyFile(
    join(packageRoot, 'test/fixtures/checkpoints/llama-q8_0.gguf'),
    join(place, 'checkpoints/tiny.gguf'),
  );
  const imports = new ImportJobs({ builder, places: [place] });
  const built = await build(t, { imports });
  t.after(() => imports.close());
  const start = async (body: object = {}) => {
    const payload = { path: 'checkpoints/tiny.gguf', ...body };
    const reply = await built.app.inject({ method: 'POST', url: '/v1/models/import', payload });
    assert.equal(reply.statusCode, 202, reply.body);
    return ImportJob.parse(reply.json());
  };
  const ended = async (id: string) => {
    for (;;) {
      const job = ImportJob.parse((await built.app.inject(`/v1/models/imports/${id}`)).json());
      if (job.finished_at !== null) return job;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  return { ...built, place, start, ended };
}

test('an import is told from queue to end, and the model is there when it has succeeded', async (t) => {
  const { app, place, start, ended } = await setup(t);
  const job = await start({ precision: 'int4', name: 'mine' });
  assert.deepEqual([job.status, job.name, job.precision], ['running', 'mine', 'int4']);
  const { status, architecture, error } = await ended(job.id);
  assert.deepEqual([status, architecture, error], ['succeeded', 'llama', null]);
  assert.deepEqual((await readdir(place)).sort(), ['checkpoints', 'mine']);
  const text = (await app.inject(`/v1/models/imports/${job.id}/events`)).body;
  const events = [...text.matchAll(/^data: (.*)$/gm)].map(([, data]) =>
    ImportEvent.parse(JSON.parse(data ?? '')),
  );
  const types = events.map(({ type }) => type);
  assert.deepEqual([types[0], types.includes('plan'), types.includes('progress')], ['status', true, true]);
  assert.deepEqual(events.at(-1)?.data, { status: 'succeeded', error: null });
  const late = await app.inject({ method: 'DELETE', url: `/v1/models/imports/${job.id}` });
  assert.equal(late.json().error.code, 'import_finished');
  const { data } = ImportList.parse((await app.inject('/v1/models/imports')).json());
  assert.deepEqual(
    data.map(({ id }) => id),
    [job.id],
  );
});

test('a path that leads out of the models directories, and one that is not there', async (t) => {
  const { refused, start, ended } = await setup(t);
  for (const path of ['../x.gguf', '/etc/passwd', '.pull/x', 'a//b', '']) {
    const { status, code } = await refused('/v1/models/import', { path });
    assert.deepEqual([path, status, code], [path, 400, 'invalid_value']);
  }
  const { id } = await start({ path: 'none.gguf' });
  const { status, error } = await ended(id);
  assert.deepEqual([status, error?.code], ['failed', 'checkpoint_invalid']);
  assert.match(error?.message ?? '', /no such file/);
});

test('cancelling ends the build and leaves nothing', async (t) => {
  const waiting: Builder = {
    ...quick,
    async build({ signal }) {
      while (!signal.aborted) await new Promise((resolve) => setTimeout(resolve, 2));
      throw signal.reason;
    },
  };
  const { app, place, start } = await setup(t, waiting);
  const { id } = await start();
  assert.equal((await start()).id, id);
  const reply = await app.inject({ method: 'DELETE', url: `/v1/models/imports/${id}` });
  assert.equal(ImportJob.parse(reply.json()).status, 'cancelled');
  assert.deepEqual(await readdir(place), ['checkpoints']);
  const unknown = await app.inject('/v1/models/imports/import-0');
  assert.equal(unknown.json().error.code, 'import_not_found');
});
