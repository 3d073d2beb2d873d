/** Fits of many texts take no more memory than there is, and say what they did not read. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fitPlan } from '../../src/fitting/fit-plan.js';
import { limitRows } from '../../src/fitting/row-limit.js';
import { FitRequest } from '../../src/schemas/fits.js';

const texts = (count: number, mark: string) => Array.from({ length: count }, (_, i) => `${mark} ${i}`);
const settings = (part: object) =>
  fitPlan(FitRequest.parse({ name: 'sea', recipe: 'attention', ...part })).candidates[0];
const shape = { layers: 4, hiddenSize: 8 };
const bytesOf = (rows: number) => rows * 4 * 8 * 4;

test('as many texts as there is room for are read, each side by its share', () => {
  const given = { positive: texts(300, 'sea'), negative: texts(100, 'land') };
  for (const [field, part] of [
    ['examples', { recipe: 'examples', examples: given }],
    ['statements', { prefix: 'Be the sea.', statements: given }],
  ] as const) {
    const whole = settings(part);
    const enough = limitRows(whole, shape, bytesOf(400));
    assert.equal(enough.settings, whole);
    assert.deepEqual(enough.warnings, []);
    const { settings: kept, warnings } = limitRows(whole, shape, bytesOf(399) - 1);
    const { positive, negative } = kept[field] ?? assert.fail();
    assert.equal(positive.length, 298);
    assert.equal(negative.length, 99);
    assert.ok(positive.every((text) => given.positive.includes(text as string)));
    assert.match(warnings.join(), new RegExp(`397 of the 400 ${field} were read`));
    // A model beyond all limits still gets two of each side, which is the least that a fit works on.
    const least = limitRows(whole, shape, 1).settings[field];
    assert.deepEqual([least?.positive.length, least?.negative.length], [2, 2]);
  }
});

test('5,000 a side are read whole on models of the size of the embedded one', () => {
  const examples = { positive: texts(5000, 'sea'), negative: texts(5000, 'land') };
  const whole = settings({ recipe: 'examples', examples });
  assert.equal(limitRows(whole, { layers: 30, hiddenSize: 576 }).settings, whole);
  const large = limitRows(whole, { layers: 32, hiddenSize: 4096 });
  const { positive, negative } = large.settings.examples ?? assert.fail();
  assert.equal(positive.length, negative.length);
  assert.ok((positive.length + negative.length) * 32 * 4096 * 4 <= 2 ** 31);
  assert.ok(positive.length > 2000);
});
