import assert from 'node:assert/strict';
import { test } from 'node:test';
import { facts } from '../../../src/fitting/statements/facts.js';
import { jsonRequests } from '../../../src/fitting/statements/json-requests.js';
import { neutralTexts } from '../../../src/fitting/statements/neutral-texts.js';
import { heldOutQuestions, questions } from '../../../src/fitting/statements/questions.js';
import { tableQuestions } from '../../concept-table/concepts.js';

test('there are 60 questions of fact, each asked once, with four different answers', () => {
  assert.equal(facts.length, 60);
  const asked = facts.map(({ question }) => question);
  assert.equal(new Set(asked).size, asked.length);
  for (const { question, begun, right, wrong } of facts) {
    assert.match(question, /^[A-Z].*\?$/);
    assert.match(begun, /^[A-Z].*\w$/);
    assert.equal(new Set([right, ...wrong]).size, 4, question);
    // The answer is not given away: nothing of it stands in the question or the begun answer.
    const given = ` ${question} ${begun} `.toLowerCase();
    assert.ok(!given.includes(` ${right.toLowerCase()} `), question);
  }
});

test('the right answer is not found by its place in the alphabet or by its length', () => {
  const share = (holds: (right: string, wrong: readonly string[]) => boolean) =>
    facts.filter(({ right, wrong }) => holds(right, wrong)).length / facts.length;
  const first = share((right, wrong) => wrong.every((other) => right.toLowerCase() < other.toLowerCase()));
  const longest = share((right, wrong) => wrong.every((other) => right.length > other.length));
  const shortest = share((right, wrong) => wrong.every((other) => right.length < other.length));
  for (const found of [first, longest, shortest]) assert.ok(found < 0.45, `${found}`);
});

test('neutral texts are ten paragraphs of several sentences, no two of them about the same', () => {
  assert.equal(neutralTexts.length, 10);
  for (const text of neutralTexts) {
    assert.ok(text.length > 150 && text.length < 400, text);
    assert.ok((text.match(/\. |\.$/g) ?? []).length >= 2, text);
  }
  const begins = neutralTexts.map((text) => text.split(' ').slice(0, 3).join(' '));
  assert.equal(new Set(begins).size, begins.length);
});

test('nothing is asked for that a fit, its calibration or the concept table asks', () => {
  const all = [
    ...facts.map(({ question }) => question),
    ...jsonRequests,
    ...questions,
    ...heldOutQuestions,
    ...tableQuestions,
  ];
  assert.equal(new Set(all).size, all.length);
  for (const request of jsonRequests) assert.match(request, /JSON/);
});
