/** Figures follow from the records, whatever their order, and intervals from the seed. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { bootstrapMean } from '../../src/benchmark/bootstrap.js';
import { compareRuns } from '../../src/benchmark/compare.js';
import { readRecords, writeRun } from '../../src/benchmark/record-file.js';
import type { AnswerRecord, BenchRecord, Run } from '../../src/benchmark/records.js';
import { runBenchmark } from '../../src/benchmark/run.js';
import { judgedOf } from '../../src/benchmark/scores.js';
import { allClasses, builtIn, type Summary, summarise } from '../../src/benchmark/summary.js';
import { Random } from '../../src/common/random.js';
import { scoresOf } from '../../src/fitting/measure/steering-scores.js';
import { StubService, stubRun } from './stub-service.js';

let run: Run;
let records: BenchRecord[] = [];
let summary: Summary;

before(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'steerd-benchmark-'));
  const service = new StubService();
  run = await stubRun(service, { each: 2 });
  await writeRun(folder, run);
  await runBenchmark({ api: service, folder, run, inFlight: 8 });
  for await (const record of readRecords(folder)) records.push(record);
  await rm(folder, { recursive: true });
  records = [...records, ...judgements(records, (cell) => cell % 2)];
  summary = await summarise(run, records);
});

/** What a judge would say, by the cell's number. */
const judgements = (of: readonly BenchRecord[], success: (cell: number) => number): BenchRecord[] =>
  of.flatMap((record) => {
    if (record.kind !== 'answer') return [];
    const { cell, concept, class: group, way, variant, point, prompt, seed } = record;
    const about = {
      kind: 'judgement',
      cell,
      concept,
      class: group,
      way,
      variant,
      point,
      prompt,
      seed,
    } as const;
    const rest = {
      judge: 'j',
      reason: '',
      malformed: 0,
      retries: 1,
      prompt_tokens: 10,
      completion_tokens: 2,
    };
    const mark = (score_name: 'success' | 'concept' | 'instruction' | 'fluency', score: number) =>
      ({ ...about, ...rest, score_name, score, cached: false, seconds: 1 }) as const;
    return [
      mark('success', success(cell)),
      mark('concept', cell % 3),
      mark('instruction', 2),
      mark('fluency', 1 + (cell % 2)),
    ];
  });

const shuffled = <Item>(items: readonly Item[], seed: number): Item[] => {
  const random = new Random(seed);
  return items
    .map((item) => ({ item, at: random.uniform() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
};

const figure = (judge: string, measure: string, variant: string, group = allClasses) => {
  const found = summary.figures.find(
    (one) => one.judge === judge && one.measure === measure && one.variant === variant && one.class === group,
  );
  assert.ok(found, `${judge} ${measure} ${variant} ${group}`);
  return found;
};

test('the order of the records tells nothing, to the last digit', async () => {
  assert.deepEqual(await summarise(run, shuffled(records, 1)), summary);
});

test('success at strength 1 is the mean over the concepts, and the best point is never worse', () => {
  const answers = records.filter((record): record is AnswerRecord => record.kind === 'answer');
  for (const { id } of run.variants) {
    const own = answers.filter((one) => one.variant === id && one.point?.value === 1);
    // All concepts have as many prompts, so the mean of means is the mean.
    const mean = own.filter(({ success }) => success).length / own.length;
    const { fixed, oracle } = figure(builtIn, 'success', id);
    assert.ok(fixed && Math.abs(fixed.mean - mean) < 1e-4);
    assert.equal(fixed.n, 10);
    assert.ok(fixed.low <= fixed.mean && fixed.mean <= fixed.high);
    assert.ok(oracle && oracle.mean >= fixed.mean);
  }
  const shows = (id: string) => figure(builtIn, 'concept', id).fixed?.mean ?? 0;
  assert.ok(shows('attention rfm') > shows('attention mean_difference'));
});

test('C, F, I and H of many answers are those of their readings taken together', () => {
  const [concept] = run.concepts;
  assert.ok(concept);
  const of = (way: string, value?: number) =>
    records.flatMap((record) =>
      record.kind === 'answer' &&
      record.concept === concept.name &&
      record.class === concept.class &&
      record.way === way &&
      (value === undefined || (record.point?.value === value && record.variant === 'attention rfm'))
        ? [judgedOf(record.reading)]
        : [],
    );
  const expected = scoresOf(of('steered', 1), { plain: of('plain'), told: of('told') });
  const told = summary.concepts.find(
    (one) => one.concept === concept.name && one.class === concept.class && one.variant === 'attention rfm',
  );
  for (const measure of ['concept', 'fluency', 'instruction', 'harmonic'] as const) {
    const { fixed } = told?.figures[`${builtIn} ${measure}`] ?? { fixed: null };
    assert.ok(Math.abs((fixed ?? -1) - (expected[measure] ?? -2)) < 1e-5, measure);
  }
});

test("AxBench's mean is harmonic within each answer, and an answer with a 0 has none", () => {
  const { fixed } = figure('j', 'harmonic', 'plain');
  const plain = records.filter(
    (record) => record.kind === 'answer' && record.way === 'plain',
  ) as AnswerRecord[];
  const harmonic = ({ cell }: AnswerRecord) =>
    cell % 3 === 0 ? 0 : 3 / (1 / (cell % 3) + 1 / 2 + 1 / (1 + (cell % 2)));
  const mean = plain.reduce((sum, one) => sum + harmonic(one), 0) / plain.length;
  assert.ok(fixed && Math.abs(fixed.mean - mean) < 1e-4, `${fixed?.mean} is not ${mean}`);
  assert.deepEqual(summary.judge_use.j?.prompt_tokens, 10 * 4 * summary.answers);
});

test('intervals come from the seed and not from the order; one value has none', () => {
  const values = [0, 0.2, 0.4, 1, 1, 0.6];
  const one = bootstrapMean(values, 3);
  assert.deepEqual(bootstrapMean([...values].reverse(), 3), one);
  assert.ok(one && one.low < one.mean && one.mean < one.high && one.low >= 0 && one.high <= 1);
  assert.notDeepEqual(bootstrapMean(values, 4), one);
  assert.deepEqual(bootstrapMean([0.5], 1), { mean: 0.5, low: 0.5, high: 0.5, n: 1 });
  assert.equal(bootstrapMean([], 1), null);
});

test('a run differs from itself in nothing, and from a better one within the concepts', async () => {
  for (const { difference } of compareRuns(summary, summary, 0).differences)
    assert.deepEqual([difference.mean, difference.low, difference.high], [0, 0, 0]);
  const others = records.filter(({ kind }) => kind !== 'judgement');
  const better = await summarise(run, [...others, ...judgements(others, () => 1)]);
  const { differences } = compareRuns(summary, better, 0);
  const found = differences.find(
    (one) =>
      one.figure === 'j success' &&
      one.variant === 'plain' &&
      one.class === allClasses &&
      one.which === 'fixed',
  );
  assert.ok(found && found.difference.low > 0 && Math.abs(found.b - 1) < 1e-9, JSON.stringify(found));
  // Where only one concept is shared, the pair says all.
  const [first] = better.concepts;
  const alone = { ...better, concepts: better.concepts.filter((one) => one.concept === first?.concept) };
  for (const { difference } of compareRuns(summary, alone, 0).differences) assert.equal(difference.n, 1);
});
