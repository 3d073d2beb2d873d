import assert from 'node:assert/strict';
import { test } from 'node:test';
import { responses } from '../../../src/fitting/recipes/responses.js';
import { contextOf, shape, state, syntheticModel } from './synthetic-model.js';

const questions = Array.from({ length: 30 }, (_, i) => `Question ${i}?`);
const statements = { positive: questions, negative: questions };

test('with soft labels an example is a token of an answer, labelled by its attention to the message', async () => {
  const model = syntheticModel({
    // Answers of 11 tokens; the earlier in the answer, the more attention.
    answer: () => 'Yes, often.',
    attention: ({ fromEnd, span }) => (span === 'Be glad.' ? -fromEnd / 20 : 0.9),
  });
  const features = await responses.collect(contextOf(model, { statements, maxTokens: 11 }));
  assert.equal(features.n, 400);
  assert.deepEqual([...features.labels.subarray(0, 6)], [1, 0, 1, 0, 1, 0]);
  const places = new Map<number, number>();
  for (const [layer, rows] of features.layers.entries()) {
    for (let row = 0; row < features.n; row += 2) {
      const label = features.softLabels?.[layer]?.[row] as number;
      const fromEnd = -Math.round(label * 11);
      const value = rows[row * shape.hiddenSize] as number;
      // The state says its own place: label and features belong to one token.
      assert.ok(
        Math.abs(value - state({ layer, fromEnd, text: '' }, 0)) < 0.5,
        `row ${row}: ${value}, ${label}`,
      );
      if (layer === 0) places.set(fromEnd, (places.get(fromEnd) ?? 0) + 1);
      assert.equal(features.softLabels?.[layer]?.[row + 1], 0);
    }
  }
  // Spread over the answers: every place of them, 200 in all.
  assert.equal(places.size, 11);
  for (const count of places.values()) assert.ok(count >= 10 && count <= 20, `${count}`);
});

test('short answers give all their tokens', async () => {
  const model = syntheticModel({ answer: (prompt) => (prompt.includes('glad') ? 'Oh!' : 'No') });
  const few = { positive: questions.slice(0, 3), negative: questions.slice(0, 2) };
  const { n, labels, details } = await responses.collect(contextOf(model, { statements: few }));
  assert.equal(n, 9 + 4);
  assert.equal(
    labels.reduce((sum, label) => sum + label, 0),
    9,
  );
  assert.deepEqual([details.positive_tokens, details.negative_tokens], [9, 4]);
});
