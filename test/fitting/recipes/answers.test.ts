/** Answers read as examples: the mean over the tokens of each but attention sinks. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Answer } from '../../../src/fitting/recipes/answer-tokens.js';
import { readAnswers } from '../../../src/fitting/recipes/answers.js';
import { contextOf, type SyntheticOptions, shape, state, syntheticModel } from './synthetic-model.js';

const codes = (text: string) => Array.from(text, (character) => character.codePointAt(0) as number);
const answerOf = (text: string, positive: boolean): Answer => ({
  positive,
  prompt: codes('Why? '),
  span: [0, 0],
  tokens: codes(text),
});

const answers = ['Yes, often.', 'No.', 'So, well, no.', ','].map((text, i) => answerOf(text, i % 2 === 0));
const read = (options: SyntheticOptions) => readAnswers(answers, contextOf(syntheticModel(options)));
const commas = (position: number, text: string) => text[position] === ',';

/** What is read of an answer: the places, from its end. */
const places = (text: string, left: string) =>
  [...text].flatMap((character, at) => (character === left ? [] : [at - text.length]));

/** [H] of one answer at one layer. */
function expected(layer: number, { prompt, tokens }: Answer, fromEnds: readonly number[]): number[] {
  const text = String.fromCodePoint(...prompt, ...tokens);
  return Array.from(
    { length: shape.hiddenSize },
    (_, h) =>
      fromEnds.reduce((sum, fromEnd) => sum + state({ layer, fromEnd, text }, h), 0) / fromEnds.length,
  );
}

test('sinks in an answer are left out of its mean and of the norms, and counted', async () => {
  const { n, layers, labels, details, residualNorms } = await read({ sinks: commas });
  assert.equal(n, 4);
  assert.deepEqual([...labels], [1, 0, 1, 0]);
  assert.deepEqual(details, { left_out: { attention_sinks: 3 } });
  // The last answer is a sink and nothing else: it is read all the same, and is not asked for here.
  for (const [layer, rows] of layers.entries()) {
    for (const [i, answer] of answers.slice(0, 3).entries()) {
      const kept = places(String.fromCodePoint(...answer.tokens), ',');
      const row = rows.subarray(i * shape.hiddenSize, (i + 1) * shape.hiddenSize);
      for (const [h, value] of expected(layer, answer, kept).entries())
        assert.ok(Math.abs((row[h] as number) - value) < 1e-2, `${layer} ${i} ${h}`);
    }
  }
  const [, , last] = residualNorms;
  // One sink among 25 tokens that are read; with all three more it would be nearly four times that.
  const sink = 1e5 * Math.sqrt(shape.hiddenSize);
  assert.ok((last as number) > sink / 25 && (last as number) < (2 * sink) / 25, String(last));
});

test('where nothing stands out all tokens are read, and nothing is told', async () => {
  const { layers, details } = await read({});
  assert.deepEqual(details, {});
  for (const [layer, rows] of layers.entries()) {
    for (const [i, answer] of answers.entries()) {
      const all = places(String.fromCodePoint(...answer.tokens), '');
      const row = rows.subarray(i * shape.hiddenSize, (i + 1) * shape.hiddenSize);
      for (const [h, value] of expected(layer, answer, all).entries())
        assert.ok(Math.abs((row[h] as number) - value) < 1e-2, `${layer} ${i} ${h}`);
    }
  }
});

test('the order that captures end in changes nothing', async () => {
  const [plain, other] = await Promise.all([
    read({ sinks: commas }),
    read({ sinks: commas, turns: (index) => (index % 2 === 0 ? 9 : 1) }),
  ]);
  assert.deepEqual(other, plain);
});
