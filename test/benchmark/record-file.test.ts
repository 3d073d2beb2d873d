/** Lines of records survive what is done to a file's end, and what is wrong inside of it is told. */
import assert from 'node:assert/strict';
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { goingOn } from '../../src/benchmark/head.js';
import { RecordWriter, readRecords, readRun, writeRun } from '../../src/benchmark/record-file.js';
import { type BenchRecord, type FitRecord, recordsFile, runFile } from '../../src/benchmark/records.js';
import { StubService, stubRun } from './stub-service.js';

async function folderOf(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'steerd-records-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

const record = (concept: string): FitRecord => ({
  kind: 'fit',
  concept,
  class: 'moods',
  variant: 'v',
  error: 'no\nway \u2028',
  version: null,
  layers: [],
  calibration: null,
  side_effects: null,
  warnings: [],
  seconds: { fit: 1, calibrate: 0 },
});

async function namesIn(folder: string): Promise<string[]> {
  const names: string[] = [];
  for await (const one of readRecords(folder)) names.push((one as BenchRecord).concept);
  return names;
}

test('what was appended is read again, and a torn end is cut off before more is written', async (t) => {
  const folder = await folderOf(t);
  assert.deepEqual(await namesIn(folder), []);
  for (const torn of ['', '{"kind":', JSON.stringify(record('whole but for its end')), 'x'.repeat(200_000)]) {
    const writer = await RecordWriter.open(folder);
    await Promise.all([
      writer.append([record('a'), record('b')]),
      writer.append([]),
      writer.append([record('c')]),
    ]);
    await writer.close();
    await appendFile(join(folder, recordsFile), torn);
    const names = await namesIn(folder);
    assert.deepEqual(names.slice(-3), ['a', 'b', 'c']);
    assert.equal(names.length % 3, 0);
  }
  const writer = await RecordWriter.open(folder);
  await writer.close();
  assert.ok((await readFile(join(folder, recordsFile), 'utf8')).endsWith('}\n'));
  assert.equal((await namesIn(folder)).length, 12);
});

test('a file that is nothing but a torn line is empty', async (t) => {
  const folder = await folderOf(t);
  await writeFile(join(folder, recordsFile), '{"kind":"fit"');
  await (await RecordWriter.open(folder)).close();
  assert.equal(await readFile(join(folder, recordsFile), 'utf8'), '');
});

test('a line inside the file that is no record is told by its number', async (t) => {
  const folder = await folderOf(t);
  const good = JSON.stringify(record('a'));
  for (const [line, message] of [
    ['nonsense', /line 2 of .* must be JSON/],
    ['{"kind":"other"}', /line 2 of .* must be a record/],
    ['{"kind":"fit","concept":3}', /line 2 of .* must be a record: concept/],
  ] as const) {
    await writeFile(join(folder, recordsFile), `${good}\n${line}\n${good}\n`);
    await assert.rejects(namesIn(folder), { message });
  }
});

test('a run goes on with the head that is there; another plan is refused by what differs', async (t) => {
  const folder = await folderOf(t);
  assert.equal(await readRun(folder), null);
  const service = new StubService();
  const run = await stubRun(service);
  await writeRun(folder, run);
  const judge = { url: 'http://x', model: 'm', scores: ['success' as const] };
  const judged = await stubRun(service, { judge });
  const before = await readRun(folder);
  assert.ok(before);
  const on = goingOn(before, judged, folder);
  assert.deepEqual([on.started_at, on.options.judge], [run.started_at, judge]);
  const larger = await stubRun(service, { each: 2 });
  assert.throws(() => goingOn(before, larger, folder), { message: /concepts, texts differ/ });
  await writeFile(join(folder, runFile), '{"object": "benchmark.run"}');
  await assert.rejects(readRun(folder), { code: 'invalid_value' });
  await writeFile(join(folder, runFile), '{');
  await assert.rejects(readRun(folder), { message: /must be JSON/ });
});
