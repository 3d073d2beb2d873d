/** Which token, which layers: the pure parts of recipe `attention`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../../src/common/random.js';
import { classPrefix } from '../../../src/fitting/contrast/stated-concept.js';
import { chosenLayers } from '../../../src/fitting/layer-choice.js';
import { PermutationTest, significanceLevel } from '../../../src/fitting/recipes/permutation-test.js';
import {
  AttentionMap,
  candidateOffsets,
  meanOverHeads,
} from '../../../src/fitting/recipes/token-selection.js';
import { conceptClasses, mostCandidates } from '../../../src/schemas/fit-choices.js';

test('the mean over heads is taken before the maximum over prompts', () => {
  // One layer, two heads, two candidates.
  const first = meanOverHeads(Float32Array.of(0.9, 0.1, 0.1, 0.1), 1, 2);
  const second = meanOverHeads(Float32Array.of(0.1, 0.7, 0.1, 0.5), 1, 2);
  const map = new AttentionMap(1, 2);
  map.add(first);
  assert.deepEqual(map.chosen(), [0]);
  map.add(second);
  assert.deepEqual(map.chosen(), [1]);
  assert.ok(Math.abs((map.most[0] as number) - 0.5) < 1e-7 && Math.abs((map.most[1] as number) - 0.6) < 1e-7);
  assert.deepEqual(new AttentionMap(3, 2).chosen(), [0, 0, 0]);
});

test('candidates count from the end, at least one and not without end', () => {
  assert.deepEqual(candidateOffsets(3), [-3, -2, -1]);
  assert.deepEqual(candidateOffsets(0), [-1]);
  assert.equal(candidateOffsets(1000).length, mostCandidates);
});

test('the permutation test finds what differs and not what does not', () => {
  const random = new Random(5);
  const [positives, negatives] = [40, 30];
  const test_ = new PermutationTest(positives, negatives, 1);
  const draw = (shift: number) =>
    Float64Array.from(
      { length: positives + negatives },
      (_, i) => random.uniform() + (i < positives ? shift : 0),
    );
  let chance = 0;
  for (let round = 0; round < 200; round++) {
    if (test_.p(draw(0)) < significanceLevel) chance++;
    assert.ok(test_.p(draw(-0.5)) > significanceLevel, 'one-sided');
    assert.ok(test_.p(draw(0.5)) < significanceLevel);
  }
  // At 1 in 100 by chance, more than 8 of 200 would come about once in ten thousand times.
  assert.ok(chance <= 8, `${chance} of 200`);
  assert.ok(test_.p(new Float64Array(70).fill(0.3)) > significanceLevel, 'equal values differ in nothing');
  assert.equal(new PermutationTest(40, 30, 1).p(draw(1)), test_.p(draw(1)));
});

test('layers: all, a list, or those with the most significant heads', () => {
  assert.deepEqual(chosenLayers('all', 4, null), [1, 2, 3]);
  assert.deepEqual(chosenLayers([3, 1, 3], 4, null), [1, 3]);
  const attention = { significantHeads: [1, 0.2, 0.5, 0.2, 0.5], mean: [1, 0.1, 0.1, 0.4, 0.2] };
  assert.deepEqual(chosenLayers({ top: 1 }, 5, attention), [4]);
  assert.deepEqual(chosenLayers({ top: 3 }, 5, attention), [2, 3, 4]);
  assert.throws(() => chosenLayers({ top: 5 }, 5, attention), /layers.top must be at most 4/);
  assert.throws(() => chosenLayers([1, 5], 5, null), /layers must be layers from 1 to 4; received 5/);
  assert.throws(() => chosenLayers({ top: 1 }, 5, null), /reads no attention/);
});

test('a class states its subject as it is written', () => {
  assert.equal(classPrefix('fears', 'the dark'), 'Personify someone who is terrified of the dark.');
  assert.equal(classPrefix('personas', 'Ma$& Baker'), 'Take on the role of Ma$& Baker.');
  for (const { prefix } of Object.values(conceptClasses)) assert.equal(prefix.split('{x}').length, 2);
});
