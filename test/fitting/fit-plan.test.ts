/** What a request has fitted: every way to name, or not to name, a recipe and a method. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SteerdError } from '../../src/errors.js';
import { checkPlan, fitPlan, statementsOfAuto } from '../../src/fitting/fit-plan.js';
import { fitRecipes, methodNames, type RecipeName } from '../../src/schemas/fit-choices.js';
import { FitRequest } from '../../src/schemas/fits.js';
import { fakeModel } from './fake-model.js';

const message = { prefix: 'You adore the sea.' };
const examples = { positive: ['a', 'b'], negative: ['c', 'd'] };
const planOf = (part: object) => fitPlan(FitRequest.parse({ name: 'sea', ...message, ...part }));
const named = (part: object) =>
  planOf(part).candidates.map(({ recipe, method, contrast }) => `${recipe} ${method} ${contrast}`);

const full = [
  'attention rfm none',
  'attention rfm others',
  'responses mean_difference others',
  'texts mean_difference others',
];

test('nothing named: the paper first, then those that small models follow better', () => {
  for (const part of [{}, { recipe: 'auto' }, { method: 'auto' }, { recipe: 'auto', method: 'auto' }])
    assert.deepEqual(named(part), full);
  const { candidates, profiles, calibrate } = planOf({});
  assert.deepEqual([profiles, calibrate], [['norm', 'uniform'], true]);
  assert.deepEqual(
    candidates.map(({ labels, bareShare }) => [labels, bareShare]),
    [
      ['soft', 0.25],
      ['soft', 0.25],
      ['hard', 0],
      ['hard', 0],
    ],
  );
  for (const { recipe, statements } of candidates) {
    const [positive, negative] = [statements?.positive.length, statements?.negative.length];
    const most = recipe === 'attention' ? statementsOfAuto : undefined;
    assert.deepEqual([positive, negative], [most, most], recipe);
  }
  // Its captures are read once for candidates that share them: what they share is the same object.
  assert.equal(candidates[0].statements, candidates[1]?.statements);
});

test('a recipe named is fitted alone, with its usual method or the one named', () => {
  for (const recipe of Object.keys(fitRecipes) as RecipeName[]) {
    const given = { recipe, ...(recipe === 'examples' ? { examples } : {}) };
    const { defaultMethod, defaultContrast } = fitRecipes[recipe];
    assert.deepEqual(named(given), [`${recipe} ${defaultMethod} ${defaultContrast}`]);
    assert.deepEqual(planOf(given).profiles, []);
    for (const method of methodNames)
      assert.deepEqual(named({ ...given, method }), [`${recipe} ${method} ${defaultContrast}`]);
    const chosen = planOf({ ...given, method: 'auto' });
    const methods = chosen.candidates.map(({ method }) => method);
    assert.equal(methods[0], defaultMethod, 'equals are decided for the usual one');
    assert.deepEqual([...methods].sort(), ['logistic', 'mean_difference', 'rfm']);
    assert.ok(chosen.candidates.every((candidate) => candidate.recipe === recipe));
    assert.equal(
      chosen.candidates[0].statements,
      undefined,
      'a recipe that is named reads all its statements',
    );
    assert.deepEqual(chosen.profiles, ['norm', 'uniform']);
    assert.equal(planOf({ ...given, method: 'auto', calibrate: false }).candidates.length, 1);
  }
});

test('a method named is tried with each recipe', () => {
  for (const method of methodNames)
    assert.deepEqual(
      named({ method }),
      full.map((name) => name.replace(/rfm|mean_difference/, method)),
    );
});

test('examples are their own recipe', () => {
  for (const part of [{}, { recipe: 'auto' }]) {
    assert.deepEqual(named({ ...part, examples }), ['examples mean_difference none']);
    assert.deepEqual(named({ ...part, examples, method: 'rfm' }), ['examples rfm none']);
    assert.equal(planOf({ ...part, examples, method: 'auto' }).candidates.length, 3);
  }
  const { examples: shipped, prefix } = fitPlan(FitRequest.parse({ name: 'x', examples: 'ocean' }))
    .candidates[0];
  assert.equal(shipped?.positive.length, 8);
  assert.match(prefix, /ocean/);
});

test('what is said of the contrast holds for the candidates that it concerns', () => {
  const others = ['land', 'sky'];
  const contrast = (part: object) =>
    planOf(part).candidates.map((one) => [one.contrast, one.others, one.opposite] as const);
  assert.deepEqual(contrast({ others }), [
    ['none', undefined, undefined],
    ...Array.from({ length: 3 }, () => ['others', others, undefined]),
  ]);
  assert.deepEqual(
    contrast({ contrast: 'opposite', opposite: 'You hate the sea.' }),
    Array.from({ length: 3 }, () => ['opposite', undefined, 'You hate the sea.']),
  );
  for (const kind of ['none', 'others'] as const)
    assert.deepEqual(
      named({ contrast: kind }),
      ['attention rfm', 'responses mean_difference', 'texts mean_difference'].map(
        (name) => `${name} ${kind}`,
      ),
    );
  const part = { bare_share: 0.5, texts: 12, max_tokens: 7, profile: 'norm', layers: [1, 2], seed: 3 };
  const { candidates, profiles } = planOf(part);
  assert.deepEqual(profiles, [], 'the profile is named');
  assert.deepEqual(
    candidates.map((one) => one.bareShare),
    [0.25, 0.5, 0.5, 0.5],
  );
  for (const { texts, maxTokens, profile, layers, seed } of candidates)
    assert.deepEqual([texts, maxTokens, profile, layers, seed], [12, 7, 'norm', [1, 2], 3]);
});

test('where nothing may be measured, texts are first for a subject and responses for a message', () => {
  const first = (part: object) => named({ calibrate: false, ...part });
  const [responses, texts] = [full[2] as string, full[3] as string];
  assert.deepEqual(first({}), [responses, texts]);
  for (const part of [
    { subject: 'the sea' },
    { prefix: undefined, subject: 'the sea' },
    { prefix: undefined, class: 'places', subject: 'the sea' },
    { prefix: 'Personify someone who loves the sea.' },
  ])
    assert.deepEqual(first(part), [texts, responses]);
  assert.deepEqual(planOf({ calibrate: false }).profiles, []);
  assert.deepEqual(first({ method: 'pca' }), ['responses pca others', 'texts pca others']);
});

test('a plan is refused when no candidate can work, with what the first one fails with', () => {
  const refusal = (part: object, options = {}) => {
    try {
      checkPlan(planOf(part), fakeModel(options));
      return null;
    } catch (error) {
      assert.ok(error instanceof SteerdError);
      return `${error.code}: ${error.message}`;
    }
  };
  assert.equal(refusal({}), null);
  assert.equal(refusal({}, { template: 'none' }), null, 'texts work without a template');
  assert.match(
    refusal({ recipe: 'responses' }, { template: 'none' }) ?? '',
    /^fit_impossible: .*chat template/,
  );
  assert.match(refusal({}, { capacity: 40 }) ?? '', /^context_length_exceeded: .*prefix with a statement/);
  assert.match(refusal({ layers: [9] }) ?? '', /^invalid_value: layers/);
  assert.match(refusal({ recipe: 'examples', examples, labels: 'soft' }) ?? '', /^invalid_value: labels/);
});
