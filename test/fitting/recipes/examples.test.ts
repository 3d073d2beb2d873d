import assert from 'node:assert/strict';
import { test } from 'node:test';
import { recordedStatement } from '../../../src/fitting/recipes/example-statement.js';
import { examples } from '../../../src/fitting/recipes/examples.js';
import type { Examples, RecipeContext } from '../../../src/fitting/recipes/recipe.js';
import { contextOf, type SyntheticOptions, shape, state, syntheticModel } from './synthetic-model.js';

const collect = (given: Examples, change: Partial<RecipeContext> = {}, options: SyntheticOptions = {}) => {
  const model = syntheticModel(options);
  const context = contextOf(model, { prefix: '', labels: 'hard', examples: given, ...change });
  return { engine: model.engine, read: examples.collect(context) };
};

const plain: Examples = { positive: ['What joy!', 'Hurray'], negative: ['Fine.', 'I see, well.'] };
const user = { role: 'user', content: 'How are you?' };

function meanOf(layer: number, text: string, fromEnd: readonly number[], h: number): number {
  return (
    fromEnd.reduce((sum, offset) => sum + Math.fround(state({ layer, fromEnd: offset, text }, h)), 0) /
    fromEnd.length
  );
}

async function assertReads(given: Examples, change: Partial<RecipeContext>, expected: [string, number[]][]) {
  const features = await collect(given, change).read;
  assert.equal(features.n, expected.length);
  for (const [layer, rows] of features.layers.entries()) {
    for (const [row, [text, fromEnd]] of expected.entries()) {
      for (let h = 0; h < shape.hiddenSize; h++) {
        const value = rows[row * shape.hiddenSize + h] as number;
        assert.ok(Math.abs(value - meanOf(layer, text, fromEnd, h)) < 1e-3, `${text}: ${value}`);
      }
    }
  }
  return features;
}

const lastOf = (count: number) => Array.from({ length: count }, (_, i) => i - count);

test('a text is the mean over its tokens but the first', async () => {
  const { labels } = await assertReads(plain, {}, [
    ['What joy!', lastOf(8)],
    ['Fine.', lastOf(4)],
    ['Hurray', lastOf(5)],
    ['I see, well.', lastOf(11)],
  ]);
  assert.deepEqual([...labels], [1, 0, 1, 0]);
});

test("a chat is the mean over the assistant's last message, or the token before the answer", async () => {
  const said = (content: string) => [user, { role: 'assistant', content }];
  await assertReads({ positive: [said('Splendid!'), [user]], negative: [said('So so.'), said('Meh')] }, {}, [
    ['<user>How are you?</><assistant>Splendid!</>', lastOf(12).slice(0, 9)],
    ['<user>How are you?</><assistant>So so.</>', lastOf(9).slice(0, 6)],
    ['<user>How are you?</><a>', [-1]],
    ['<user>How are you?</><assistant>Meh</>', lastOf(6).slice(0, 3)],
  ]);
});

test('a fixed token replaces the mean', async () => {
  await assertReads(plain, { token: -3 }, [
    ['What joy!', [-3]],
    ['Fine.', [-3]],
    ['Hurray', [-3]],
    ['I see, well.', [-3]],
  ]);
  await assert.rejects(
    collect(plain, { token: -6 }).read,
    /token must be at least -5, the length of examples.negative\[0\]/,
  );
});

test('residual norms are means over the tokens read, the same in whatever order captures end', async () => {
  const [first, second] = await Promise.all([
    collect(plain, {}, { turns: (i) => i % 3 }).read,
    collect(plain, {}, { turns: (i) => 3 - i }).read,
  ]);
  assert.deepEqual(first, second);
  assert.equal(first.residualNorms.length, shape.layers);
  const one = await collect({ positive: ['ab', 'ab'], negative: ['ab', 'ab'] }).read;
  for (const [layer, norm] of one.residualNorms.entries()) {
    const place = { layer, fromEnd: -1, text: 'ab' };
    const expected = Math.hypot(
      ...Array.from({ length: shape.hiddenSize }, (_, h) => Math.fround(state(place, h))),
    );
    assert.ok(Math.abs(norm / expected - 1) < 1e-6);
  }
});

test('an example that cannot be read is named', async () => {
  await assert.rejects(
    collect(plain, {}, { capacity: 10 }).read,
    /examples.negative\[1\] has 12 tokens .* the context holds 10/,
  );
  await assert.rejects(
    collect({ ...plain, positive: ['yes', [user]] }, {}, { template: 'none' }).read,
    /no chat template/,
  );
});

test('examples that no message states keep what states them', async () => {
  const statedBy = async (prefix: string) =>
    recordedStatement((await collect(plain, { prefix }).read).details);
  const statement = await statedBy('');
  assert.match(statement?.own ?? '', /What joy!.*Hurray/s);
  assert.match(statement?.decoys.join() ?? '', /Fine\..*I see, well\./s);
  assert.equal(await statedBy('You are cheerful.'), null);
});
