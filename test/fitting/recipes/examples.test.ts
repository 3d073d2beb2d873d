import assert from 'node:assert/strict';
import { test } from 'node:test';
import { recordedStatement } from '../../../src/fitting/recipes/example-statement.js';
import { examples } from '../../../src/fitting/recipes/examples.js';
import type { Examples, RecipeContext } from '../../../src/fitting/recipes/recipe.js';
import {
  bosToken,
  contextOf,
  type SyntheticOptions,
  shape,
  state,
  syntheticModel,
} from './synthetic-model.js';

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

async function assertReads(
  given: Examples,
  change: Partial<RecipeContext>,
  expected: [string, number[]][],
  options: SyntheticOptions = {},
) {
  const features = await collect(given, change, options).read;
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

const first: SyntheticOptions = { sinks: (position) => position === 0 };

test('a text is the mean over its tokens but those that are attention sinks', async () => {
  const { labels, details } = await assertReads(plain, {}, [
    ['What joy!', lastOf(9)],
    ['Fine.', lastOf(5)],
    ['Hurray', lastOf(6)],
    ['I see, well.', lastOf(12)],
  ]);
  assert.deepEqual([...labels], [1, 0, 1, 0]);
  assert.deepEqual([details.tokens_read, details.left_out, details.lead_in], [32, undefined, undefined]);

  const without = await assertReads(
    plain,
    {},
    [
      ['What joy!', lastOf(8)],
      ['Fine.', lastOf(4)],
      ['Hurray', lastOf(5)],
      ['I see, well.', lastOf(11)],
    ],
    first,
  );
  assert.deepEqual(without.details.left_out, { attention_sinks: 4 });
  assert.equal(without.details.tokens_read, 28);
  // Only the usual: nothing to warn of.
  assert.equal(without.details.warnings, undefined);

  // Wherever they are.
  const commas: SyntheticOptions = { sinks: (position, text) => position === 0 || text[position] === ',' };
  await assertReads(
    plain,
    {},
    [
      ['What joy!', lastOf(8)],
      ['Fine.', lastOf(4)],
      ['Hurray', lastOf(5)],
      ['I see, well.', lastOf(11).filter((fromEnd) => fromEnd !== -7)],
    ],
    commas,
  );
});

test('a text that is nothing but the first position is read after a line break, and all others with it', async () => {
  const given: Examples = { positive: ['joy', 'x'], negative: ['y', 'z'] };
  const { details } = await assertReads(
    given,
    {},
    [
      ['\njoy', lastOf(3)],
      ['\ny', [-1]],
      ['\nx', [-1]],
      ['\nz', [-1]],
    ],
    first,
  );
  assert.equal(details.lead_in, '\n');
  assert.equal(details.left_out, undefined);
  const [warning] = details.warnings as string[];
  assert.match(
    warning ?? '',
    /3 texts \(examples\.positive\[1\], examples\.negative\[0\], .*attention sink.*line break/,
  );

  // A token that the request names is read there too.
  await assertReads(
    { positive: ['joy', 'no'], negative: ['y', 'it'] },
    { token: -1 },
    [
      ['\njoy', [-1]],
      ['\ny', [-1]],
      ['\nno', [-1]],
      ['\nit', [-1]],
    ],
    first,
  );
  await assert.rejects(
    collect(given, { token: -2 }, first).read,
    /at least -1, the length of examples.positive\[1\]/,
  );

  // Where the first position is as any other, or another token stands there, nothing is put before the text.
  const bare: [string, number[]][] = [
    ['joy', lastOf(3)],
    ['y', [-1]],
    ['x', [-1]],
    ['z', [-1]],
  ];
  assert.equal((await assertReads(given, {}, bare)).details.warnings, undefined);
  const begun = bare.map(([text, fromEnd]): [string, number[]] => [
    String.fromCodePoint(bosToken) + text,
    fromEnd,
  ]);
  const withBos = await assertReads(given, {}, begun, { ...first, bos: true });
  assert.equal(withBos.details.left_out, undefined);
});

test('what has nothing but sinks is read all the same, and that is told', async () => {
  const given: Examples = { positive: ['joy', 'glee'], negative: ['so', 'fine'] };
  const features = await collect(given, {}, { sinks: (position, text) => position === 0 || text === 'so' })
    .read;
  assert.match(
    (features.details.warnings as string[]).join(' '),
    /^1 example had nothing to read but attention sinks/,
  );
  assert.ok(features.layers.every((rows) => rows.every(Number.isFinite)));
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
  const [one, other] = await Promise.all([
    collect(plain, {}, { turns: (i) => i % 3 }).read,
    collect(plain, {}, { turns: (i) => 3 - i }).read,
  ]);
  assert.deepEqual(one, other);
  assert.equal(one.residualNorms.length, shape.layers);
  const same = await collect({ positive: ['ab', 'ab'], negative: ['ab', 'ab'] }, {}, first).read;
  for (const [layer, norm] of same.residualNorms.entries()) {
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
    /examples.negative\[1\] has 12 tokens.* 10 tokens/,
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
