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

test('half the way, or as deep as plain answers stay fluent, whatever told answers show', async () => {
  const at = async (cost: number, told: Rules['told'] = () => 1) => {
    const { readings } = await found({ ...costing(cost), told });
    const { promptBelow = 0, messageBelow = 0, fluency = 0, tried = [] } = readings.ablate ?? {};
    near(messageBelow, Math.min(1, 2 * promptBelow), 1e-3);
    assert.deepEqual(
      tried.map((one) => one.promptBelow ?? 0),
      [0, 0.25, 0.5],
    );
    return { promptBelow, fluency };
  };
  assert.equal((await at(0)).promptBelow, 0.5, 'no deeper than anybody looked');
  near((await at(20)).promptBelow, 0, 0.05);
  // The model counts both directions of the prompt as one: fluency is 2 ** -(3 cost depth) while the message goes down too.
  const depths: number[] = [];
  for (const cost of [0.2, 0.3, 0.5]) {
    const { promptBelow, fluency } = await at(cost);
    near(promptBelow, 0.234 / (3 * cost), 0.1);
    assert.equal(fluency, 0.85);
    depths.push(promptBelow);
  }
  assert.ok(
    depths.every((depth, i) => i === 0 || depth < (depths[i - 1] ?? 0) - 0.02),
    `${depths}`,
  );
  assert.deepEqual(await at(0.3, (share) => 1 + share), await at(0.3));
});

test('without a message the concept alone goes down', async () => {
  const { readings } = await found(costing(0), { others: [] });
  assert.equal(readings.ablate?.promptBelow, 0.5);
  for (const { messageBelow } of [readings.ablate, ...readings.ablate.tried])
    assert.equal(messageBelow, undefined);
});

test('what is gone is the share of what the told model shows', async () => {
  const { one } = await found(costing(0));
  // Half the way that an addition goes, and the message's whole one.
  const deepest = 0.5 * one + messageShare;
  for (const gone of [0.2, 0.9]) {
    // Told answers lose that much between the neutral mean and the deepest, which the search takes.
    const told = (share: number) => 1 - Math.min(1, Math.max(0, (gone * -share) / deepest));
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
  const { below, promptBelow = 0, promptLevel = [] } = ablate;
  near(below, 0.3 * promptBelow, 1e-3);
  assert.ok(promptBelow > 0.05);
  for (const layer of clamp.layers) {
    const mean = neutral.mean[layer] ?? 0;
    // From neutral up to what an addition reads.
    const way = (clamp.unit[layer] ?? 0) / (1 + below);
    near(way, read, 0.12 * read);
    near(ablatedLevel(readings)[layer], mean - below * way, 1e-3);
    near(promptLevel[layer], mean - promptBelow * way, 1e-3);
  }
});

test('every depth is asked the same sixteen questions, and the kept one by the told model too, greedily and not', async () => {
  const { held, readings } = await found(costing(0));
  const told = held.filter(({ prompt }) => textOf(prompt).includes(prefix));
  assert.equal(told.length, 2 * 16);
  assert.equal(told.filter(({ sampling }) => sampling.temperature > 0).length, 16);
  assert.equal(held.length, (3 + 1) * 32);
  assert.equal(new Set(held.map(({ prompt }) => prompt.join())).size, 2 * 16);
  // The same edits for told and plain answers, and the first position left alone.
  const shares = (list: typeof held) => [...new Set(list.map(({ edit }) => shareOf(edit)))];
  assert.deepEqual([shares(told).length, shares(held).length], [1, 3]);
  assert.ok(shares(told).every((share) => shares(held).includes(share)));
  assert.ok(
    held.every(({ edit, prompt }) => {
      const last = prompt.length - 1;
      // All of it: the answer is held at every depth, the prompt along both directions.
      const open = (from: number, to: number) =>
        edit.filter((term) => term.from <= from && to <= term.to).length;
      assert.deepEqual([open(1, last), open(last, Infinity)], [2, 1]);
      return edit.every(({ from, to }) =>
        [`1 ${last}`, `${last} Infinity`, '1 Infinity'].includes(`${from} ${to}`),
      );
    }),
  );
  const { ablate } = readings;
  assert.deepEqual(
    ablate?.tried.map(({ below, promptBelow = 0, messageBelow = 0 }) => [below, promptBelow, messageBelow]),
    [
      [0, 0, 0],
      [0.075, 0.25, 0.5],
      [0.15, 0.5, 1],
    ],
  );
  const same = ablate.tried.find(({ promptBelow }) => promptBelow === ablate.promptBelow);
  assert.equal(same?.fluency, ablate.fluency, 'what was measured there');
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
  const tried = [0, 0.5, 1, down].map((share) => (-10 - 11 * share).toFixed(2));
  assert.deepEqual([...levels].sort(), [...new Set(tried)].sort());
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
  assert.ok(held < 0.09 * all, `${held} of ${all}`);
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
