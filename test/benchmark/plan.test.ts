/** What a run will do follows from its options: variants, points and a number for every cell. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  confusersOf,
  paperConcepts,
  paperNames,
  readConcepts,
  sampleOf,
} from '../../src/benchmark/concepts.js';
import { Cells, NumberSet, pointsOf, variantsOf } from '../../src/benchmark/plan.js';
import { generalPrompts, testPrompts } from '../../src/benchmark/test-prompts.js';
import { heldOutQuestions } from '../../src/fitting/statements/questions.js';
import { inWords } from '../../src/tables/rows.js';
import { StubService, stubRun, usualAxes } from './stub-service.js';

test('the 512 names are in five classes, none twice', () => {
  const concepts = paperConcepts();
  assert.equal(concepts.length, 512);
  assert.equal(new Set(concepts.map(({ prefix }) => prefix)).size, 512);
  assert.deepEqual(Object.keys(paperNames), ['fears', 'moods', 'personas', 'personalities', 'places']);
  for (const { prefix } of concepts) assert.match(prefix, /^(Personify|Take on) .+[^.]\.+$/);
});

test('test prompts are five of each class, and no calibration has asked them', () => {
  const all = [...Object.values(testPrompts), generalPrompts];
  for (const prompts of all) assert.equal(prompts.length, 5);
  assert.equal(new Set(all.flat()).size, 30);
  for (const prompt of all.flat()) assert.ok(!heldOutQuestions.some((one) => prompt.includes(one)), prompt);
});

test('a sample has as many of each class, the same for the same seed, in the order of the list', () => {
  const sample = sampleOf(paperConcepts(), 3, 7);
  assert.equal(sample.length, 15);
  for (const group of Object.keys(paperNames))
    assert.equal(sample.filter((one) => one.class === group).length, 3);
  assert.deepEqual(sampleOf(paperConcepts(), 3, 7), sample);
  assert.notDeepEqual(sampleOf(paperConcepts(), 3, 8), sample);
  const places = new Map(paperConcepts().map(({ prefix }, i) => [prefix, i]));
  const order = sample.map(({ prefix }) => places.get(prefix) as number);
  assert.deepEqual(
    order,
    [...order].sort((a, b) => a - b),
  );
  assert.equal(sampleOf(paperConcepts(), 1000, 0).length, 512);
  assert.equal(confusersOf(paperConcepts(), 0).length, 20);
  assert.equal(confusersOf(sample, 0).length, 15);
});

test('a list is CSV or JSON lines, and what is wrong with it is told by its place', () => {
  const csv =
    '\uFEFFname,class,prefix,prompts\r\n"Snow, ice",fears,,\r\n\r\nPirate,,"You are a ""pirate"".\nArr.",One?|Two?\r\n';
  const notes: string[] = [];
  const [snow, pirate] = readConcepts(csv, 'list.csv', (some) => notes.push(...some.map(inWords)));
  assert.deepEqual(notes, ['line 3 is empty']);
  assert.deepEqual(snow, {
    name: 'Snow, ice',
    class: 'fears',
    prefix: 'Personify someone who is terrified of Snow, ice.',
    subject: 'Snow, ice',
    prompts: null,
  });
  assert.deepEqual(pirate, {
    name: 'Pirate',
    class: 'custom',
    prefix: 'You are a "pirate".\nArr.',
    subject: null,
    prompts: ['One?', 'Two?'],
  });
  const lines = '{"name": "a", "prefix": "Be a."}\n{"name": "b", "class": "moods", "prompts": ["x", "y"]}\n';
  assert.deepEqual(
    readConcepts(lines, 'l').map(({ prefix }) => prefix),
    ['Be a.', 'Take on a b mood.'],
  );
  const bad: readonly (readonly [string, RegExp])[] = [
    ['', /list must have a column "name"/],
    ['name\n', /list must be a list of 1 to/],
    ['title\nx', /must have a column "name"/],
    ['{"name": "a"}\n{"name": "b"}', /list, line 1\.prefix must be given, or class be one of fears/],
    ['name,class\na,moods\na,moods', /list, line 3 must be another concept than line 2/],
    ['name,clas\na,moods', /list, line 2\.clas must be one of name, class/],
    ['{"name": "a", "class": "moods", "prompts": ["x"]}', /prompts must be a list of 2 to 64 texts/],
    ['name,class\n"a,moods', /of l: line 2 opens a quote/],
    ['name,class\nsnow, ice,moods', /list, line 2 must be a row of 2 cells; received "3 cells"/],
    ['name,name\na,b', /list must be a table with each column once; received "name"/],
    ['[{"name": "a", "name": "b"}]', /list must be JSON; l is not/],
    ['{"name": "a"}\nx\ny', /of l: line 2 is no JSON.*; line 3 is no JSON/],
  ];
  for (const [text, message] of bad) assert.throws(() => readConcepts(text, 'l'), { message }, text);
});

test('variants are all combinations, or one change at a time, and none comes twice', () => {
  const axes = { ...usualAxes, tokens: ['chosen', -1, -2], statements: [64, 16] } as const;
  assert.equal(variantsOf(axes).length, 12);
  const ids = variantsOf(axes, true).map(({ id }) => id);
  assert.deepEqual(ids, [
    'attention rfm, token chosen, statements 64',
    'attention mean_difference, token chosen, statements 64',
    'attention rfm, token -1, statements 64',
    'attention rfm, token -2, statements 64',
    'attention rfm, token chosen, statements 16',
  ]);
  // Tokens mean nothing to answers: there they make no variant.
  const both = variantsOf({ ...axes, recipes: ['attention', 'responses'], methods: ['usual'] });
  assert.equal(both.filter(({ recipe }) => recipe === 'responses').length, 1);
  assert.equal(both.length, 7);
  assert.equal(new Set(both.map(({ id }) => id)).size, 7);
});

test('strength 1 is always among the points', () => {
  assert.equal(pointsOf([1], [2, 4]).length, 3);
  assert.throws(() => pointsOf([0.5], []), { message: /with 1 among them/ });
  assert.throws(() => pointsOf([1, 1], []), { message: /each once; received 1/ });
});

test('every cell has a number of its own, without gaps', async () => {
  const run = await stubRun(new StubService());
  run.concepts[1] = { ...(run.concepts[1] as (typeof run.concepts)[0]), prompts: ['A?', 'B?'] };
  const cells = new Cells(run);
  const all = run.concepts.flatMap((_, c) => [
    ...cells.plain(c),
    ...cells.told(c),
    ...run.variants.flatMap((_, v) => run.points.flatMap((_, p) => cells.steered(c, v, p))),
  ]);
  assert.deepEqual(
    all,
    Array.from({ length: cells.total }, (_, i) => i),
  );
  assert.equal(cells.plain(1).length, 2);
});

test('a plan is another one when anything that decides a cell is, and not for another judge', async () => {
  const service = new StubService();
  const plan = (await stubRun(service)).plan;
  const judge = { url: 'http://x', model: 'm', scores: ['success' as const] };
  assert.equal((await stubRun(service, { judge })).plan, plan);
  assert.notEqual((await stubRun(service, { each: 2 })).plan, plan);
  const variants = variantsOf({ ...usualAxes, tokens: [-1] });
  assert.notEqual((await stubRun(service, { variants })).plan, plan);
});

test('a set of numbers has what was added, and nothing of others', () => {
  const set = new NumberSet(20);
  assert.deepEqual(
    [set.add(3), set.add(3), set.add(20), set.add(-1), set.add(19)],
    [true, false, false, false, true],
  );
  assert.deepEqual(
    [set.size, set.has(3), set.has(4), set.has(19), set.has(999)],
    [2, true, false, true, false],
  );
});
