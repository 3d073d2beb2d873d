/** What full ablation holds, found on a model whose rules are known. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { messageVectors } from '../../../src/concepts/message-directions.js';
import { ablatedLevel } from '../../../src/concepts/readings.js';
import { middleLayers } from '../../../src/fitting/measure/ablation.js';
import { calibrateConcept } from '../../../src/fitting/measure/calibrate.js';
import {
  JudgedEngine,
  judgedModel,
  messageShare,
  prefix,
  type Rules,
  rulesAround,
  seaConcept,
  shareOf,
  textOf,
} from './judged-model.js';

const signal = new AbortController().signal;
const peak = 0.012;
const near = (actual: number | undefined, expected: number, within: number) =>
  assert.ok(actual !== undefined && Math.abs(actual - expected) < within, `${actual} is not ${expected}`);

async function found(change: Partial<Rules> = {}, settings = {}, concept = seaConcept()) {
  const engine = new JudgedEngine({ ...rulesAround(peak), ...change });
  const { readings, calibration } = await calibrateConcept(concept, judgedModel(engine), settings, signal);
  assert.ok(readings);
  const one = (calibration.coefficients[1] ?? 0) / 100;
  const held = engine.generated.filter(({ edit }) => (edit[0]?.scale[1] ?? 0) !== 0);
  return { readings, one, held, engine };
}

/** Additions cost what they do, and what is held below neutral `cost` nats for the whole share of strength 1. */
const costing = (cost: number): Partial<Rules> => {
  const { loss } = rulesAround(peak);
  return { loss: (share) => (share < 0 ? (cost * -share) / peak : loss(share)) };
};

/** Told answers show less the deeper, down to a depth, and more again beyond it. */
const leastAt =
  (depth: number): Rules['told'] =>
  (share) =>
    Math.min(1, 0.2 + 2 * Math.abs(-share / messageShare - depth));

test('of the depths that leave plain answers fluent, the one that takes out most', async () => {
  const at = async (cost: number, told: Rules['told']) => {
    const { readings } = await found({ ...costing(cost), told });
    const { below = Number.NaN, messageBelow = 0, tried = [] } = readings.ablate ?? {};
    return [below, messageBelow, tried.filter(({ removed }) => removed !== undefined).length];
  };
  assert.deepEqual(await at(0, leastAt(0.6)), [0, 0.6, 2], 'two told, as deep as anybody looks');
  assert.deepEqual(await at(0, leastAt(0.4)), [0, 0.4, 2], 'deeper takes out less');
  assert.deepEqual(await at(0, () => 1), [0, 0.4, 2], 'of two that are alike the shallower');
  // Fluency is 2 ** -(cost depth), and 0.9 at a depth of 0.152 by cost.
  assert.deepEqual(await at(0.3, leastAt(0.4)), [0, 0.4, 2], 'deeper is not fluent');
  assert.deepEqual(await at(0.5, leastAt(0.6)), [0, 0.25, 2]);
  assert.deepEqual(await at(20, leastAt(0.6)), [0, 0, 1], 'where every depth breaks text, neutral it is');
});

test('without a message the concept alone goes down', async () => {
  const decoys = { others: [] };
  const { readings } = await found({ ...costing(0), told: leastAt(0.3) }, decoys);
  assert.deepEqual(
    readings.ablate?.tried.map(({ below, messageBelow }) => [below, messageBelow]),
    [0, 0.15, 0.3, 0.5].map((below) => [below, undefined]),
  );
});

test('what is gone is the share of what the told model shows', async () => {
  for (const gone of [0.2, 0.9]) {
    // Told answers lose that much between the neutral mean and the deepest, which the search takes.
    const told = (share: number) => 1 - Math.min(1, Math.max(0, (gone * -share) / (0.6 * messageShare)));
    const { readings } = await found({ ...costing(0), told });
    near(readings.ablate?.removed, gone, 0.05);
    near(readings.ablate?.fluency, 1, 0.02);
  }
});

test('level, unit and layers are one description: from the level on, clamp reaches what an addition reads', async () => {
  const { readings, one } = await found(costing(0.5));
  const { ablate, clamp, neutral } = readings;
  assert.ok(ablate);
  const read = 200 * one;
  for (const layer of clamp.layers) {
    near(ablatedLevel(readings)[layer], (neutral.mean[layer] ?? 0) - ablate.below * read, 0.1);
    near(
      (ablate.level[layer] ?? 0) + (clamp.unit[layer] ?? 0),
      (neutral.mean[layer] ?? 0) + read,
      0.12 * read,
    );
  }
});

test('every depth is asked the same sixteen questions, told ones where plain ones are fluent', async () => {
  const { held, readings } = await found(costing(0));
  const told = held.filter(({ prompt }) => textOf(prompt).includes(prefix));
  assert.equal(told.length, 2 * 16);
  assert.equal(held.length, (5 + 2) * 16);
  assert.equal(new Set(held.map(({ prompt }) => prompt.join())).size, 2 * 16);
  // The same edits for told and plain answers, and the first position left alone.
  const shares = (list: typeof held) => [...new Set(list.map(({ edit }) => shareOf(edit)))];
  assert.deepEqual([shares(told).length, shares(held).length], [2, 5]);
  assert.ok(shares(told).every((share) => shares(held).includes(share)));
  assert.ok(
    held.every(({ edit }) => edit.every(({ from, to }) => from === 1 && to === Number.POSITIVE_INFINITY)),
  );
  const { ablate } = readings;
  assert.deepEqual(
    ablate?.tried.map(({ below, messageBelow = 0 }) => [below, messageBelow]),
    [
      [0, 0],
      [0, 0.25],
      [0.15, 0.25],
      [0, 0.4],
      [0, 0.6],
    ],
  );
  const { below, messageBelow, fluency, removed } = ablate;
  const same = ablate.tried.find((one) => one.below === below && one.messageBelow === messageBelow);
  assert.deepEqual([same?.fluency, same?.removed], [fluency, removed], 'what was measured there');
});

test('what the message differs in from others is held too, at right angles to the concept', async () => {
  const { readings, held, engine } = await found(costing(0.5));
  const message = readings.ablate?.message;
  assert.ok(message);
  assert.deepEqual(Object.keys(message.vectors), readings.clamp.layers.map(String));
  const vectors = messageVectors(message, 3, 4);
  for (const layer of readings.clamp.layers)
    assert.deepEqual([...vectors.subarray(4 * layer, 4 * layer + 4)], [0, 1, 0, 0]);
  assert.equal(engine.captured.filter((text) => text.includes(prefix)).length, 1);
  assert.equal(engine.captured.length, 9, 'and eight others');
  for (const { edit } of held) assert.deepEqual([...(edit[1]?.vectors ?? [])], [...vectors]);
  // Held as far below the neutral -10 a block as a share of the way up to the 1 that the message's tokens read.
  const down = readings.ablate?.messageBelow ?? 0;
  for (const layer of readings.clamp.layers)
    near(message.level[layer], -10 * layer - down * (1 + 10 * layer), 1e-3);
  const levels = new Set(held.map(({ edit }) => (edit[1]?.add[1] ?? 0).toFixed(2)));
  assert.deepEqual(levels, new Set([0, 0.25, 0.4, 0.6].map((share) => (-10 - 11 * share).toFixed(2))));
});

test('with two questions both are asked for all of it', async () => {
  const { readings, held } = await found(costing(0.5), { questions: ['One?', 'Two?'] });
  assert.ok(readings.ablate !== undefined && held.length > 0);
});

test('where nothing tells the concept nobody knows what is gone', async () => {
  const { readings, held } = await found({}, {}, seaConcept({ prefix: '' }));
  assert.equal(readings.ablate, undefined);
  assert.deepEqual(ablatedLevel(readings), readings.neutral.mean);
  assert.equal(held.length, 0);
});

test('the search is a small part of a calibration', async () => {
  const { engine } = await found(costing(0.5));
  const length = (lists: readonly (readonly number[])[]) => lists.reduce((sum, { length: n }) => sum + n, 0);
  const written = (list: typeof engine.generated) =>
    list.reduce((sum, { prompt, maxTokens }) => sum + prompt.length + maxTokens, 0);
  const held = written(engine.generated.filter(({ edit }) => (edit[0]?.scale[1] ?? 0) !== 0));
  const read = engine.pairs.reduce(
    (sum, { prompts, answers, pairs }) =>
      sum + length(prompts) + pairs.reduce((all, [, answer]) => all + (answers[answer]?.length ?? 0), 0),
    0,
  );
  const all = written(engine.generated) + read;
  assert.ok(held < 0.08 * all, `${held} of ${all}`);
});

test('the middle third of the layers', () => {
  const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1);
  assert.deepEqual(middleLayers(upTo(29)), upTo(29).slice(9, 20));
  for (const n of [1, 2]) assert.deepEqual(middleLayers(upTo(n)), upTo(n));
  for (const n of [3, 12, 24, 80]) {
    const middle = middleLayers(upTo(n));
    assert.equal(middle.length, n - 2 * Math.floor(n / 3));
    assert.equal((middle[0] ?? 0) + (middle.at(-1) ?? 0), n + 1, 'as far from either end');
  }
});
