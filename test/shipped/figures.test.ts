/** How well strength 1 repeats, from what a concept's file holds. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answerColumns } from '../../src/fitting/measure/calibration-details.js';
import { retestLine, retestOf } from './figures.js';

/** A concept whose evidence sets in at a share of its own for each question. */
function detailsOf(questions: number, onset: (question: number) => number) {
  const shares = [0.006, 0.01, 0.017];
  const rows = (share: number, evidence: (question: number) => number, nats: number) =>
    Array.from({ length: questions }, (_, question) => [
      share,
      question,
      0,
      evidence(question),
      1,
      -1 - nats,
      1,
      0.9,
      0,
    ]);
  return {
    bound: { fluency: 0.5, divergence: null },
    questions: Array.from({ length: questions }, (_, i) => `Question ${i}?`),
    curve: shares.map((share) => ({ share, divergence_95: null })),
    answers: {
      columns: answerColumns,
      plain: rows(0, () => 0, 0),
      told: rows(0, () => 1, 0),
      steered: shares.flatMap((share) =>
        rows(share, (q) => 1 / (1 + (onset(q) / share) ** 4), Math.log2(1 + (share / 0.02) ** 4)),
      ),
      told_and_steered: [],
    },
  };
}

test('questions that say the same give the same strength 1, whichever half they are in', () => {
  const details = detailsOf(8, () => 0.007);
  assert.equal(retestOf(details), 1);
  assert.equal(
    retestOf(details, (question) => question < 3),
    1,
  );
});

test('halves that say different things are told apart, and halves that mix them are not', () => {
  const details = detailsOf(8, (question) => (question % 2 === 0 ? 0.003 : 0.016));
  const apart = retestOf(details);
  assert.ok(apart > 1.25, `${apart}`);
  assert.equal(
    retestOf(details, (question) => question % 2 === 1),
    apart,
  );
  assert.ok(retestOf(details, (question) => question < 4) < 1.001);
  const calibration = { method: 'harmonic', coefficients: new Float32Array(1), negativeRatio: 1, details };
  const line = retestLine([{ calibration }]);
  assert.match(line, /of 1 concepts: odd and even 0, first and last 1, 100 random halves \d\.\d on average/);
});
