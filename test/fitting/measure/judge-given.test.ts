/** Answers that are given are read as a calibration reads its own. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withEngine } from '../../../src/engine/engine.js';
import type { ScoreRequest } from '../../../src/engine/protocol.js';
import { judgeGiven } from '../../../src/fitting/measure/judge-given.js';
import { JudgeRequest } from '../../../src/schemas/judge.js';
import { validated } from '../../../src/schemas/validation.js';
import { scoreOneByOne } from '../../helpers/engine.js';
import { FakeEngine, fakeModel } from '../../helpers/fake-engine.js';

const { signal } = new AbortController();

/** A character is likelier after a prompt that has it. */
const score = async ({ tokens, from }: ScoreRequest) => {
  const prompt = new Set(tokens.slice(0, from));
  return Float32Array.from(tokens.slice(from), (token) => (prompt.has(token) ? -1 : -3));
};
let read = 0;
const model = fakeModel(
  withEngine(new FakeEngine({ capacity: 512 }), {
    score,
    scoreMany: (request, either) => {
      read += request.pairs.length;
      return scoreOneByOne({ score }, request, either);
    },
  }),
);
const asked = {
  questions: ['What of jjjj?', 'And of kkkk?', 'Or llll?'],
  prefix: 'Say xxxx.',
  others: ['Say wwww.', 'Say zzzz.'],
};
const judged = async (more: object) => {
  const { data } = await judgeGiven(JudgeRequest.parse({ ...asked, ...more }), model, signal);
  return data;
};

test('an answer shows the concept whose message explains it, and answers the question that does', async () => {
  const data = await judged({
    answers: [
      { question: 0, answer: 'xxxx' },
      { question: 0, answer: 'wwww' },
      { question: 1, answer: 'kkkk' },
      { question: 1, answer: 'jjjj' },
      { question: 2, answer: '' },
    ],
    among: ['Say wwww.', 'Say xxxx.'],
  });
  const [own, others, right, wrong, empty] = data;
  assert.ok((own?.evidence ?? 0) > 0.5 && own?.identified === true, JSON.stringify(own));
  assert.ok((others?.evidence ?? 0) < -0.1 && others?.identified === false, JSON.stringify(others));
  assert.ok((right?.relevance ?? 0) > 0.5 && (wrong?.relevance ?? 0) < -0.5);
  assert.deepEqual([empty?.failed, empty?.evidence, empty?.tokens], [true, 0, 0]);
  assert.deepEqual(
    data.map((row) => row.explained_by),
    [1, 0, 0, 0, null],
  );
});

test('only what is to be compared is held against the messages', async () => {
  const answers = [
    { question: 0, answer: 'xxxx' },
    { question: 1, answer: 'wwww', compared: false },
    { question: 2, answer: 'wwww' },
  ];
  const among = ['Say wwww.', 'Say xxxx.'];
  const data = await judged({ answers, among });
  assert.deepEqual(
    data.map((row) => row.explained_by),
    [1, null, 0],
  );
  const alone = await judged({ answers: answers.slice(1, 2), among });
  assert.deepEqual(alone, data.slice(1, 2));
});

test('of what was given without steering only what the own message says is read again', async () => {
  const answers = [{ question: 0, answer: 'abcd', unsteered: true }];
  const first = await judged({ answers, prefix: 'Say vvvv.' });
  const before = read;
  const second = await judged({ answers, prefix: 'Say uuuu.' });
  assert.equal(read - before, 1);
  assert.deepEqual(second, first);
  const third = await judged({ answers: [{ question: 0, answer: 'abcd' }], prefix: 'Say uuuu.' });
  assert.deepEqual(third, second);
});

test('without a message nothing is known of the concept', async () => {
  const [row] = await judged({ prefix: undefined, answers: [{ question: 0, answer: 'jjjj' }] });
  assert.deepEqual([row?.evidence, row?.identified, row?.explained_by], [null, null, null]);
  assert.ok((row?.relevance ?? 0) > 0.5);
});

test('a question that is not there is refused by its place', () => {
  const body = {
    ...asked,
    answers: [
      { question: 0, answer: 'a' },
      { question: 3, answer: 'b' },
    ],
  };
  assert.throws(() => validated(JudgeRequest, body), {
    message: /answers\.1\.question must be an index into questions, below 3; received 3/,
  });
});
