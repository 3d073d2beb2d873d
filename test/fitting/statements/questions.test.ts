import assert from 'node:assert/strict';
import { test } from 'node:test';
import { heldOutQuestions, questions } from '../../../src/fitting/statements/questions.js';
import { tableQuestions } from '../../concept-table/concepts.js';

/** Words alone: two questions that differ in their signs only are one question. */
const words = (text: string) => text.toLowerCase().replace(/[^a-z ]/g, '');

test('no question is asked twice, neither by a fit, its calibration nor the concept table', () => {
  const all = [...questions, ...heldOutQuestions, ...tableQuestions].map(words);
  assert.equal(new Set(all).size, all.length);
  assert.equal(questions.length, 32);
});

test('the held-out questions fall into two halves of the same kinds', () => {
  assert.ok(heldOutQuestions.length >= 24 && heldOutQuestions.length % 2 === 0);
  const half = heldOutQuestions.length / 2;
  for (let i = 0; i < half; i++) {
    const [first, second] = [heldOutQuestions[i], heldOutQuestions[i + half]] as [string, string];
    // A request and its like begin alike, or both ask; and they are about as long.
    assert.equal(first.endsWith('?'), second.endsWith('?'), `${first} | ${second}`);
    assert.ok(Math.abs(first.length - second.length) <= 20, `${first} | ${second}`);
  }
});
