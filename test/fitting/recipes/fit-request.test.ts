/** Fields of a fit that go together, and those that do not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fitPlan } from '../../../src/fitting/fit-plan.js';
import type { Example } from '../../../src/fitting/recipes/recipe.js';
import { FitRequest } from '../../../src/schemas/fits.js';
import { validate } from '../../../src/schemas/validation.js';

const least = { name: 'sea', prefix: 'You adore the sea.', recipe: 'attention' };
const examples = { positive: ['a', 'b'], negative: ['c', [{ role: 'user', content: 'd' }]] };
const parsed = (value: object) => FitRequest.parse(value);
/** Of a request that names its recipe. */
const settingsOf = (value: object) => {
  const { candidates } = fitPlan(parsed({ recipe: 'attention', ...value }));
  assert.equal(candidates.length, 1);
  return candidates[0];
};

function fault(value: object): string {
  const result = validate(FitRequest, value);
  assert.ok('error' in result, JSON.stringify(value));
  return `${result.error.param}: ${result.error.message}`;
}

test('recipe attention has soft labels, the others hard ones', () => {
  const settings = settingsOf(least);
  assert.deepEqual([settings.recipe, settings.labels, settings.layers], ['attention', 'soft', 'all']);
  for (const recipe of ['responses', 'examples']) {
    const request = { ...least, recipe, ...(recipe === 'examples' ? { examples } : {}) };
    assert.equal(settingsOf(request).labels, 'hard');
  }
  assert.equal(settingsOf({ ...least, labels: 'hard' }).labels, 'hard');
});

test('a concept is stated by a prefix or by its class and subject', () => {
  const settings = settingsOf({ name: 'x', class: 'moods', subject: 'sad' });
  assert.equal(settings.prefix, 'Take on a sad mood.');
  assert.equal(settingsOf({ name: 'x', recipe: 'examples', examples }).prefix, '');
  for (const [param, value] of [
    ['prefix', { name: 'x' }],
    ['prefix', { ...least, class: 'moods', subject: 'sad' }],
    ['subject', { name: 'x', class: 'moods' }],
    ['subject', { name: 'x', class: 'moods', subject: '  ' }],
    ['class', { name: 'x', recipe: 'responses', subject: 'sad' }],
    ['class', { name: 'x', class: 'dreams', subject: 'sad' }],
  ] as const)
    assert.ok(fault(value).startsWith(`${param}: ${param} must be`), fault(value));
});

test('what means something to one recipe alone is refused where none is named', () => {
  const { recipe: _, ...auto } = least;
  const two = ['a', 'b'];
  for (const [param, value] of [
    ['statements', { statements: { positive: two, negative: two } }],
    ['token', { token: -1 }],
    ['labels', { labels: 'soft' }],
    ['layers.top', { layers: { top: 3 } }],
  ] as const) {
    for (const recipe of [undefined, 'auto']) {
      const said = fault({ ...auto, recipe, ...value });
      assert.ok(said.startsWith(`${param}: ${param} must be left out with recipe "auto"`), said);
      assert.match(said, /name the recipe/);
    }
    // Examples name theirs.
    const own = { name: 'x', examples, ...value };
    if (param === 'token') assert.equal(parsed(own).token, -1);
    else if (param !== 'labels') assert.doesNotMatch(fault(own), /auto/);
  }
  for (const value of [
    { texts: 16 },
    { layers: [1, 2] },
    { others: two },
    { bare_share: 0.5 },
    { max_tokens: 9 },
  ])
    assert.equal(parsed({ ...auto, ...value }).recipe, 'auto');
  for (const [param, value] of [
    ['recipe', { recipe: 'some' }],
    ['method', { method: 'some' }],
    ['opposite', { opposite: 'x' }],
    ['bare_share', { contrast: 'none', bare_share: 0.5 }],
    ['prefix', { prefix: undefined }],
    ['subject', { prefix: 'Love {x}.' }],
  ] as const)
    assert.ok(fault({ ...auto, ...value }).startsWith(`${param}: `), fault({ ...auto, ...value }));
  assert.equal(
    parsed({ name: 'x', subject: 'the sea' }).subject,
    'the sea',
    'texts can do with it, and a message is made',
  );
});

test('fields of other recipes are refused by name', () => {
  const own = { name: 'x', recipe: 'examples', examples };
  for (const [param, value] of [
    ['examples', { ...least, examples }],
    ['examples', { ...least, recipe: 'examples' }],
    ['statements', { ...own, statements: { positive: ['a', 'b'], negative: ['a', 'b'] } }],
    ['token', { ...least, recipe: 'responses', token: -1 }],
    ['layers', { ...least, recipe: 'responses', layers: { top: 3 } }],
    ['layers', { ...own, layers: { top: 3 } }],
  ] as const)
    assert.ok(fault(value).startsWith(`${param}: `), fault(value));
});

test('a set of examples that ships is eight chats of each side, and states its concept', () => {
  const fit = { name: 'x', recipe: 'examples', examples: 'ocean' };
  const { examples: shipped, prefix } = settingsOf(fit);
  assert.deepEqual([shipped?.positive.length, shipped?.negative.length], [8, 8]);
  for (const side of [shipped?.positive, shipped?.negative]) {
    for (const chat of side ?? []) {
      assert.ok(typeof chat !== 'string');
      assert.deepEqual(
        chat.map(({ role }) => role),
        ['user', 'assistant'],
      );
    }
  }
  const asked = (side: readonly Example[] | undefined) =>
    side?.map((chat) => (typeof chat === 'string' ? chat : chat[0]?.content));
  assert.deepEqual(asked(shipped?.positive), asked(shipped?.negative));
  assert.match(prefix, /ocean/);
  assert.equal(settingsOf({ ...fit, prefix: 'You adore the sea.' }).prefix, 'You adore the sea.');
  assert.equal(settingsOf({ ...fit, class: 'moods', subject: 'sad' }).prefix, 'Take on a sad mood.');
});

test('examples that are neither two lists nor a set that ships are refused with the names', () => {
  for (const value of ['oceans', '', 3, null, []]) {
    const message = fault({ name: 'x', recipe: 'examples', examples: value });
    assert.match(message, /^examples: examples must be one of ocean, .*list, or an object of two lists/);
  }
  assert.match(fault({ ...least, examples: 'ocean' }), /^examples: .*left out with recipe "attention"/);
  assert.match(
    fault({ name: 'x', recipe: 'examples', examples: { ...examples, neutral: [] } }),
    /^examples: .*no field "neutral"/,
  );
});

test('examples, token and layers have bounds', () => {
  const own = (change: object) => ({ name: 'x', recipe: 'examples', examples: { ...examples, ...change } });
  for (const [param, value] of [
    ['examples.negative', own({ negative: [...examples.positive].reverse() })],
    ['examples.positive', own({ positive: ['a'] })],
    ['examples.positive.1', own({ positive: ['a', ''] })],
    ['examples.positive.1', own({ positive: ['a', []] })],
    ['examples.positive.1.0.role', own({ positive: ['a', [{ role: 'tool', content: 'x' }]] })],
    ['token', { ...least, token: 0 }],
    ['token', { ...least, token: -33 }],
    ['layers', { ...least, layers: 'some' }],
    ['layers.0', { ...least, layers: [0] }],
    ['layers.top', { ...least, layers: { top: 0 } }],
  ] as const)
    assert.ok(fault(value).startsWith(`${param}: `), fault(value));
  assert.deepEqual(parsed({ ...least, layers: { top: 4 }, token: -5 }).layers, { top: 4 });
});

test('what states the concept and what it is told apart from go together', () => {
  const both = settingsOf({ ...least, subject: 'the sea' });
  assert.deepEqual([both.prefix, both.subject, both.contrast], [least.prefix, 'the sea', 'others']);
  const texts = settingsOf({ name: 'x', recipe: 'texts', subject: 'the sea' });
  assert.deepEqual([texts.maxTokens, texts.labels, texts.method], [48, 'hard', 'mean_difference']);
  assert.ok(texts.prefix.includes('the sea') && texts.subjectOnly);
  assert.equal(settingsOf({ name: 'x', recipe: 'examples', examples }).contrast, 'none');
  assert.equal(settingsOf(least).bareShare, 0.25);
  const two = ['a', 'b'];
  for (const [param, value] of [
    ['subject', { name: 'x', prefix: 'You love {x}.' }],
    ['prefix', { name: 'x', recipe: 'texts' }],
    ['others', { ...least, others: ['one'] }],
    ['others', { ...least, others: Array(65).fill('one') }],
    ['others', { ...least, contrast: 'none', others: two }],
    ['others', { ...least, contrast: 'opposite', opposite: 'x', others: two }],
    ['opposite', { ...least, contrast: 'opposite' }],
    ['opposite', { ...least, opposite: 'x' }],
    ['bare_share', { ...least, bare_share: 1.5 }],
    ['bare_share', { ...least, contrast: 'none', bare_share: 0.5 }],
    ['contrast', { ...least, contrast: 'all' }],
    ['contrast', { name: 'x', recipe: 'examples', examples, contrast: 'others' }],
    ['others', { name: 'x', recipe: 'examples', examples, others: two }],
    ['texts', { ...least, texts: 16 }],
    ['texts', { ...least, recipe: 'texts', texts: 7 }],
    ['token', { ...least, recipe: 'texts', token: -1 }],
    ['statements', { ...least, recipe: 'texts', statements: { positive: two, negative: two } }],
    ['profile', { ...least, profile: 'flat' }],
  ] as const)
    assert.ok(fault(value).startsWith(`${param}: `), fault(value));
});
