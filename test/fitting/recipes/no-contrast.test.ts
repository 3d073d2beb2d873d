/** `contrast: "none"` is the paper's own: it reads what was read before there was any contrast, to the last bit. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { attention } from '../../../src/fitting/recipes/attention.js';
import type { LabelledFeatures } from '../../../src/fitting/recipes/recipe.js';
import { responses } from '../../../src/fitting/recipes/responses.js';
import { contextOf, type SyntheticOptions, syntheticModel } from './synthetic-model.js';

const questions = Array.from({ length: 6 }, (_, i) => `Question ${i}?`);
const statements = { positive: questions, negative: questions.slice(1) };
const options: SyntheticOptions = {
  answer: (prompt) => `Yes, ${prompt.length} times.`,
  attention: ({ layer, head, fromEnd, text, span }) =>
    (((layer + 1) * 31 + head * 17 - fromEnd * 7 + text.length + span.length) % 97) / 100,
};

function digest({ layers, labels, softLabels, residualNorms, details }: LabelledFeatures): string {
  const hash = createHash('sha256');
  for (const values of [...layers, labels, ...(softLabels ?? []), residualNorms])
    hash.update(new Uint8Array(values.buffer));
  return hash.update(JSON.stringify(details)).digest('hex').slice(0, 16);
}

for (const [recipe, name, labels, golden] of [
  [attention, 'attention', 'soft', 'ef4e1a3b59c37994'],
  [responses, 'responses', 'soft', 'ca040f399c135882'],
  [responses, 'responses', 'hard', '05c88a06ea1c4319'],
] as const) {
  test(`${name} with ${labels} labels reads what it always read`, async () => {
    const features = await recipe.collect(contextOf(syntheticModel(options), { statements, labels }));
    assert.equal(digest(features), golden);
  });
}
