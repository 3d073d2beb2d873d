import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SteerdError } from '../../../src/errors.js';
import { attention } from '../../../src/fitting/recipes/attention.js';
import type { RecipeContext } from '../../../src/fitting/recipes/recipe.js';
import { defaultStatements } from '../../../src/fitting/statements/index.js';
import { contextOf, type SyntheticOptions, shape, state, syntheticModel } from './synthetic-model.js';

const statements = {
  positive: ['Dogs bark.', 'Rain is wet.\n', 'Tea is hot.', 'Cups break.'],
  negative: ['Cats sleep.', 'Snow is cold.', 'Books are long.\n', 'Doors close.'],
};
const asked = (statement: string) =>
  `What are your thoughts on the following statement? \nStatement: ${statement}`;
const withPrefix = (statement: string) => `<user>Be glad.  ${asked(statement)}</><a>`;
const without = (statement: string) => `<user>${asked(statement)}</><a>`;
const text = (tokens: readonly number[]) => String.fromCodePoint(...tokens);

function collect(options: SyntheticOptions = {}, change: Partial<RecipeContext> = {}) {
  const model = syntheticModel(options);
  return {
    model,
    engine: model.engine,
    read: attention.collect(contextOf(model, { statements, ...change })),
  };
}

/** The candidates are `>`, `<a>`: the end of the user's turn and the generation prompt. */
const candidates = [-4, -3, -2, -1];
/** Layer l attends most from its own candidate, more in one text than in others. */
const chosen = [-3, -1, -4, -2];
const peak: NonNullable<SyntheticOptions['attention']> = ({ layer, head, fromEnd, text: of, span }) =>
  span === 'Be glad. ' && fromEnd === chosen[layer] && of.includes('Tea')
    ? 0.5 + head / 10
    : 0.01 * (head + 1);

test('prompts are those of the paper, each run once, and positives that select are not run again', async () => {
  const { engine, read } = collect();
  await read;
  const run = engine.captures.map(({ tokens }) => text(tokens));
  assert.equal(new Set(run).size, run.length);
  const selected = ['Cats sleep.', 'Books are long.\n'];
  assert.deepEqual(
    run.sort(),
    [...[...statements.positive, ...selected].map(withPrefix), ...statements.negative.map(without)].sort(),
  );
});

test('each layer is read at the token that attends most to the prefix', async () => {
  const { read } = collect({ attention: peak });
  const features = await read;
  const { attention: record } = features.details as {
    attention: { chosen: number[]; candidates: number[]; map: number[][] };
  };
  assert.deepEqual(record.candidates, candidates);
  assert.deepEqual(record.chosen, chosen);
  for (const [layer, row] of record.map.entries()) {
    assert.equal(row.length, candidates.length);
    for (const [i, offset] of candidates.entries())
      assert.ok(Math.abs((row[i] as number) - (offset === chosen[layer] ? 0.6 : 0.02)) < 1e-5);
  }
  const order = statements.positive.flatMap((positive, i) => [
    withPrefix(positive),
    without(statements.negative[i] as string),
  ]);
  for (const [layer, rows] of features.layers.entries()) {
    for (const [row, prompt] of order.entries()) {
      for (let h = 0; h < shape.hiddenSize; h++) {
        const expected = state({ layer, fromEnd: chosen[layer] as number, text: prompt }, h);
        assert.equal(rows[row * shape.hiddenSize + h], Math.fround(expected), `layer ${layer} row ${row}`);
      }
    }
  }
  assert.deepEqual([...features.labels], [1, 0, 1, 0, 1, 0, 1, 0]);
});

test('soft labels are the attention at the chosen token, 0 without the prefix, brought to [0, 1]', async () => {
  const { read } = collect({ attention: peak });
  const { softLabels } = await read;
  for (const labels of softLabels ?? []) {
    assert.deepEqual(
      [...labels].map((label) => Math.round(1e6 * label) / 1e6),
      [0.033333, 0, 0.033333, 0, 1, 0, 0.033333, 0],
    );
  }
  const blind = await collect({ attention: () => 0 }).read;
  assert.deepEqual(
    blind.softLabels?.map((labels) => [...labels]),
    blind.layers.map(() => [...blind.labels]),
  );
});

test('the span is the prefix with the space after it, wherever the template puts the text', async () => {
  for (const [template, prefix] of [
    ['chat', 'Be glad.'],
    ['trims', '  Be glad. '],
  ] as const) {
    const { engine, read } = collect({ template }, { prefix });
    await read;
    for (const { tokens, span } of engine.captures) {
      const prompt = text(tokens);
      if (prompt.includes('glad')) assert.equal(text(tokens.slice(...span)), 'Be glad. ');
      else assert.ok(span[1] <= tokens.length - candidates.length);
    }
  }
});

test('what prompts share is the same for a side and lies before everything read', async () => {
  const { engine, read } = collect();
  await read;
  for (const glad of [true, false]) {
    const side = engine.captures.filter(({ tokens }) => text(tokens).includes('glad') === glad);
    const [first] = side;
    const shared = first?.shared ?? 0;
    const common = text((first?.tokens ?? []).slice(0, shared));
    assert.ok(common.endsWith('Statement: '));
    for (const request of side) {
      assert.equal(request.shared, shared);
      assert.ok(text(request.tokens).startsWith(common));
      assert.ok(request.positions.every((position) => position >= shared));
    }
  }
});

test('a fixed token is read at every layer and nothing is run to select one', async () => {
  const { engine, read } = collect({ attention: peak }, { token: -6 });
  const features = await read;
  assert.equal(engine.captures.length, statements.positive.length + statements.negative.length);
  for (const [layer, rows] of features.layers.entries()) {
    const first = { layer, fromEnd: -6, text: withPrefix(statements.positive[0] as string) };
    assert.equal(rows[0], Math.fround(state(first, 0)));
  }
  await assert.rejects(collect({}, { token: -500 }).read, /^SteerdError: token must be at least -\d+/);
});

test('the same request gives the same features in whatever order captures end', async () => {
  const [first, second] = await Promise.all([
    collect({ attention: peak, turns: (i) => i % 5 }).read,
    collect({ attention: peak, turns: (i) => (7 * i) % 3 }).read,
  ]);
  assert.deepEqual(first, second);
});

test('layers differ by the share of heads that attend to the prefix more than to other text', async () => {
  const many = {
    positive: Array.from({ length: 12 }, (_, i) => `Number ${i} is small.`),
    negative: Array.from({ length: 12 }, (_, i) => `Letter ${i} is round.`),
  };
  // In layer l, l heads see the prefix; the others see the numbers, which are those of both sides.
  const sees: NonNullable<SyntheticOptions['attention']> = ({ layer, head, span, text: of }) =>
    0.2 + Number(/\d+/.exec(of)?.[0]) / 100 + (span.includes('glad') && head < layer ? 0.3 : 0);
  const { attention: found } = await collect({ attention: sees }, { statements: many }).read;
  assert.deepEqual(found?.significantHeads, [0, 1 / 3, 2 / 3, 1]);
});

test('sides of different sizes alternate as evenly as they can', async () => {
  const uneven = { positive: statements.positive.slice(0, 2), negative: statements.negative };
  const { labels } = await collect({}, { statements: uneven }).read;
  assert.deepEqual([...labels], [0, 1, 0, 0, 1, 0]);
});

test('without statements of the request its own are asked about, all of them', async () => {
  const { engine, read } = collect({}, { statements: undefined });
  const { n } = await read;
  assert.equal(n, defaultStatements.positive.length + defaultStatements.negative.length);
  assert.equal(engine.captures.length, n + defaultStatements.negative.length / 2);
});

test('of very many statements an even share chooses the token, and all are read', async () => {
  const side = (mark: string, count: number) => Array.from({ length: count }, (_, i) => `${mark} ${i}.`);
  for (const [count, selection] of [
    [512, 512],
    [700, 467],
  ] as const) {
    const many = { positive: side('Yes', count), negative: side('No', count) };
    const { n, details } = await collect({}, { statements: many }).read;
    assert.equal(n, 2 * count);
    assert.equal(details.selection_prompts, selection);
  }
});

test('fits that cannot work say why, before anything is run', async () => {
  for (const [options, code, message] of [
    [{ template: 'none' }, 'fit_impossible', /no chat template/],
    [{ capacity: 90 }, 'context_length_exceeded', /prefix with a statement has \d+ tokens.* 90 tokens/],
  ] as const) {
    const { engine, read } = collect(options);
    await assert.rejects(read, (error: unknown) => {
      assert.ok(error instanceof SteerdError, String(error));
      assert.equal(error.code, code);
      assert.match(error.message, message);
      return true;
    });
    assert.equal(engine.captures.length, 0);
  }
});

test('an abort ends either stage and leaves nothing running', async () => {
  for (const stage of ['select', 'capture']) {
    const controller = new AbortController();
    const { engine, read } = collect(
      {},
      {
        signal: controller.signal,
        onProgress: (at, done) => {
          if (at === stage && done === 3) controller.abort();
        },
      },
    );
    await assert.rejects(read, { name: 'AbortError' });
    assert.equal(engine.inFlight, 0);
  }
});
