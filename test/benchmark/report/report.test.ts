import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { collectReport } from '../../../src/benchmark/report/collect.js';
import { compactReport, mostBytes } from '../../../src/benchmark/report/compact.js';
import { escaped } from '../../../src/benchmark/report/html.js';
import { escapedText } from '../../../src/benchmark/report/markdown.js';
import { writeReport } from '../../../src/benchmark/report/write.js';
import { builtIn } from '../../../src/benchmark/summary.js';
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
    'beside',
    'differences',
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
  assert.equal((page.match(/<svg [^>]*role="img"/g) ?? []).length, 8);
  assert.doesNotMatch(page, /NaN|undefined|\[object/);
  const rows = async (name: string) => readCells(await readFile(join(folder, name), 'utf8')).rows.length - 1;
  assert.equal(await rows('success.csv'), data.groups.length);
  assert.equal(await rows('concepts.csv'), data.concepts.length);
  assert.equal(await rows('strengths.csv'), data.curves.length);
  assert.equal(await rows('differences.csv'), data.beside.length);
  assert.deepEqual((await readdir(folder)).sort(), [
    'concepts.csv',
    'confusion.csv',
    'differences.csv',
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

test('ways are compared within the concepts that both have, and each is told by what is another in it', async () => {
  const { run, records } = sampleRun();
  const { beside } = await collectReport(run, records);
  const [first, second] = run.variants.map(({ id }) => id);
  const row = beside.find(
    (one) =>
      one.judge === builtIn && one.measure === 'success' && one.class === 'moods' && one.at === 'fixed',
  );
  // Of the two moods one has no fit in the second way.
  assert.deepEqual(
    [row?.base, row?.variant, row?.difference.n, row?.changed],
    [first, second, 1, 'recipe texts for attention, method mean_difference for rfm'],
  );
  for (const { base_mean: a, variant_mean: b, difference } of beside)
    assert.ok(Math.abs(b - a - difference.mean) < 2e-4 && difference.low <= difference.high);
  // A run of one way has nothing to compare.
  const one = { ...run, variants: run.variants.slice(0, 1) };
  assert.deepEqual((await collectReport(one, records)).beside, []);
});

test('a compact report of the longest list fits into a repository, and markup in texts stays text', async () => {
  const { run, records } = sampleRun();
  const where = { ...run, options: { ...run.options, list: '/home/somebody/secret.csv' } };
  const data = await collectReport(where, records);
  const files = compactReport(data);
  // Where the list, the server and the judge are is told to nobody.
  assert.doesNotMatch(Object.values(files).join(''), /somebody|127\.0\.0\.1/);
  assert.deepEqual(Object.keys(files), ['report.md', 'figures.json', 'concepts.csv']);
  const page = files['report.md'] ?? '';
  assert.doesNotMatch(page, /NaN|undefined|\[object/);
  assert.ok(page.includes('\\<b\\>') && !page.includes('<b>') && page.includes('fire &amp; \\<ice\\>'));
  for (const line of page.split('\n'))
    if (line.startsWith('|')) assert.match(line, /^\|.*\|$/, 'a row is one line');
  const figures = JSON.parse(files['figures.json'] ?? '');
  assert.deepEqual([figures.groups, figures.run.plan], [JSON.parse(JSON.stringify(data.groups)), run.plan]);
  assert.equal(readCells(files['concepts.csv'] ?? '').rows.length - 1, data.concepts.length);

  // As of 512 concepts in two ways by two judges, with answers as long as they get.
  const many = Array.from({ length: 512 }, (_, i) => `${i} of the concepts with a name of some length`);
  const concepts = many.flatMap((concept) => data.concepts.slice(0, 4).map((row) => ({ ...row, concept })));
  const long = (list: typeof data.examples.good) =>
    list.map((one) => ({ ...one, answer: 'word '.repeat(64) }));
  const { good, bad, drawn } = data.examples;
  const large = {
    ...data,
    concepts,
    run: {
      ...run,
      concepts: many.map((name) => ({ ...(run.concepts[0] as (typeof run.concepts)[0]), name })),
    },
    examples: { good: long(good), bad: long(bad), drawn: long(drawn) },
  };
  const bytes = (some: Readonly<Record<string, string>>) => Buffer.byteLength(Object.values(some).join(''));
  assert.ok(bytes(compactReport(large)) <= mostBytes);
  // Of a list that is longer still no row of a concept is kept, and the page says so.
  const longer = compactReport({ ...large, concepts: Array.from({ length: 4 }, () => concepts).flat() });
  assert.deepEqual(Object.keys(longer), ['report.md', 'figures.json']);
  assert.ok(bytes(longer) <= mostBytes && /are too long to be kept here/.test(longer['report.md'] ?? ''));
});

test('texts in Markdown begin no list, no heading and no row', () => {
  for (const [text, shown] of [
    ['1. first', '1\\. first'],
    ['0.5', '0.5'],
    ['-0.5', '-0.5'],
    ['- one', '\\- one'],
    ['# a | b\n`c` <i>', '\\# a \\| b \\`c\\` \\<i\\>'],
    ['a\u0007 & b', 'a\ufffd &amp; b'],
  ] as const)
    assert.equal(escapedText(text), shown);
});
