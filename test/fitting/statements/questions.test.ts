import assert from 'node:assert/strict';
import { test } from 'node:test';
import { heldOutQuestions, questions } from '../../../src/fitting/statements/questions.js';

test('questions are 32 and 6, no two alike', () => {
  assert.equal(questions.length, 32);
  assert.equal(heldOutQuestions.length, 6);
  assert.equal(new Set([...questions, ...heldOutQuestions]).size, 38);
});
