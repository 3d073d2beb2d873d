import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { collectReport } from '../../../src/benchmark/report/collect.js';
import { escaped } from '../../../src/benchmark/report/html.js';
import { writeReport } from '../../../src/benchmark/report/write.js';
import { Random } from '../../../src/common/random.js';
import { readCells } from '../../../src/tables/rows.js';
import { differences, type Reported, recompute } from './recompute.js';
import { sampleRun } from './sample-run.js';

async function written(t: TestContext, seed = 1) {
  const folder = await mkdtemp(join(tmpdir(), 'steerd-report-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const { run, records } = sampleRun(seed);
  await writeFile(
    join(folder, 'records.jsonl'),
    records.map((record) => `${JSON.stringify(record)}\n`).join(''),
  );
  const { data } = await writeReport(run, records, folder);
  return { folder, run, records, data, page: await readFile(join(folder, 'report.html'), 'utf8') };
}

test('every figure comes out of the records alone, and one that is changed is found', async (t) => {
  const { folder, data, records } = await written(t);
  assert.deepEqual(recompute(folder), []);
  assert.ok(data.groups.length >= 2 * 3 * 4 && data.curves.length === 2 * 3 * 4 && data.layers.length === 10);
  const lines = records as unknown as Parameters<typeof differences>[0];
  const changed = lines.map((line, i) => (i === 0 ? { ...line, success: !line.success } : line));
  assert.notDeepEqual(differences(changed, data as unknown as Reported), []);
});

test('the order of the records tells nothing', async () => {
  const { run, records } = sampleRun(2);
  const random = new Random(3);
  const shuffled = [...records]
    .map((record) => ({ record, at: random.bits() }))
    .sort((a, b) => a.at - b.at)
    .map(({ record }) => record);
  assert.deepEqual(await collectReport(run, shuffled), await collectReport(run, records));
});

test('a page has no script, asks nobody, and shows texts as they are; tables are CSV with all rows', async (t) => {
  const { folder, page, data } = await written(t);
  assert.doesNotMatch(page, /<script|<link(?! rel="icon" href="data:,">)|src=|url\(|@import/);
  const addresses = (page.match(/https?:\/\/[^\s"'<)]+/g) ?? []).filter(
    (one) => !one.startsWith('http://www.w3.org/'),
  );
  // As text, in the options of the record.
  assert.deepEqual(
    [...new Set(addresses)],
    ['http://127.0.0.1:1/v1&quot;,'].filter((one) => addresses.includes(one)),
  );
  assert.ok(!page.includes('<b>') && page.includes('&lt;b&gt;') && page.includes('fire &amp; &lt;ice&gt;'));
  assert.equal(escaped('<a href="\'">&\u0007'), '&lt;a href=&quot;&#39;&quot;&gt;&amp;\ufffd');
  for (const id of [
    'table',
    'paper',
    'success-built-in',
    'success-judge-1',
    'strength-strength',
    'tokens',
    'auroc',
    'confusion',
    'side-effects',
    'anti',
    'examples',
    'failed',
    'record',
  ])
    assert.ok(page.includes(`id="${id}"`), id);
  assert.equal((page.match(/<svg [^>]*role="img"/g) ?? []).length, 7);
  assert.doesNotMatch(page, /NaN|undefined|\[object/);
  const rows = async (name: string) => readCells(await readFile(join(folder, name), 'utf8')).rows.length - 1;
  assert.equal(await rows('success.csv'), data.groups.length);
  assert.equal(await rows('concepts.csv'), data.concepts.length);
  assert.equal(await rows('strengths.csv'), data.curves.length);
  assert.deepEqual((await readdir(folder)).sort(), [
    'concepts.csv',
    'confusion.csv',
    'layers.csv',
    'records.jsonl',
    'report.html',
    'report.json',
    'side-effects.csv',
    'strengths.csv',
    'success.csv',
  ]);
});

test('a run that has only begun has a report too', async () => {
  const { run } = sampleRun();
  const { figuresOf } = await import('../../../src/benchmark/report/figures.js');
  const { reportHtml } = await import('../../../src/benchmark/report/html.js');
  const data = await collectReport(run, []);
  assert.ok(data.groups.every(({ fixed }) => fixed === null));
  assert.doesNotMatch(reportHtml(data, figuresOf(data)), /NaN|undefined/);
});
