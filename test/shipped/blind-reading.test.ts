/** The sheet of a reading gives nothing away, and its key says all. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { heldOutQuestions, questions } from '../../src/fitting/statements/questions.js';
import { tableQuestions } from '../concept-table/concepts.js';
import { type ReadAnswer, readingKey, readingPrompts, readingSheet, shuffled } from './blind-reading.js';

const answers: readonly ReadAnswer[] = ['sea', 'war', 'tea'].flatMap((concept) =>
  readingPrompts.map((_, prompt) => ({
    concept,
    strength: 1,
    prompt,
    sampled: false,
    tokens: [prompt],
    text: `${concept.split('').reverse().join('')}\n${prompt}`,
  })),
);

test('the sheet has every answer once, in another order, and names concepts in its list only', () => {
  const order = shuffled(answers);
  assert.deepEqual(new Set(order), new Set(answers));
  assert.notDeepEqual(order, answers);
  assert.deepEqual(shuffled(answers), order);
  const [head, ...rest] = readingSheet(order, ['sea', 'war', 'tea']).split('\n1. ');
  assert.match(head ?? '', /sea, tea, war/);
  for (const name of ['sea', 'war', 'tea']) assert.doesNotMatch(rest.join(''), new RegExp(name));
});

test('the key says of each number what made it', () => {
  const order = shuffled(answers);
  for (const [i, { answer, concept }] of readingKey(order).entries()) {
    assert.equal(answer, i + 1);
    assert.equal(concept, order[i]?.concept);
  }
});

test('no fit, calibration or table asks what the reading asks', () => {
  const asked = new Set([...questions, ...heldOutQuestions, ...tableQuestions]);
  assert.deepEqual(
    readingPrompts.filter((prompt) => asked.has(prompt)),
    [],
  );
});
