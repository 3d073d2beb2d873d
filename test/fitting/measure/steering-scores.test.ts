/** What answers are worth: where the three scores must stand, and what they must not depend on. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  harmonicMean,
  type JudgedAnswer,
  meanOf,
  scoresOf,
  toldEvidence,
} from '../../../src/fitting/measure/steering-scores.js';
import { seededRandom } from '../../concepts/sample.js';
import { judgedAnswers } from './answers.js';

const random = seededRandom(11);
const noise = () => random() * 0.2 - 0.1;
/** Sampled answers are less likely than greedy ones, as they are. */
const likelihood = (sampled: boolean) => (sampled ? -2 : -0.5);
const plain = judgedAnswers(8, (_, sampled) => ({
  evidence: noise(),
  logProbability: likelihood(sampled) + noise(),
  relevance: 0.6 + noise(),
  distinct2: 0.9 + noise() / 2,
}));
const told = judgedAnswers(8, (_, sampled) => ({
  evidence: 1.2 + noise(),
  identified: true,
  logProbability: likelihood(sampled) - 0.2 + noise(),
  relevance: 0.4 + noise(),
  distinct2: 0.9 + noise() / 2,
}));
const reference = { plain, told };
const near = (actual: number | null, expected: number, within = 1e-9) =>
  assert.ok(actual !== null && Math.abs(actual - expected) < within, `${actual} is not ${expected}`);
const each = (answers: readonly JudgedAnswer[], change: (answer: JudgedAnswer) => Partial<JudgedAnswer>) =>
  answers.map((answer) => ({ ...answer, ...change(answer) }));

test('plain answers are fluent, to the point, and show nothing', () => {
  const { concept, fluency, instruction, harmonic } = scoresOf(plain, reference);
  assert.deepEqual([concept, fluency, instruction, harmonic], [0, 1, 1, 0]);
});

test('told answers show all of it and lose nothing', () => {
  const { concept, fluency, instruction } = scoresOf(told, reference);
  near(concept, 1);
  near(instruction, 1);
  // Compared with the worse of the two, so that only their repetition could count.
  const distinct = (answers: readonly JudgedAnswer[], sampled: boolean) =>
    meanOf(answers.filter((answer) => answer.sampled === sampled).map((answer) => answer.distinct2)) ?? 0;
  const shares = [false, true].map((kind) => Math.min(1, distinct(told, kind) / distinct(plain, kind)));
  near(fluency, ((shares[0] ?? 0) + (shares[1] ?? 0)) / 2);
});

test('C is linear between plain and told evidence, and cut beyond', () => {
  const evidence = (answers: readonly JudgedAnswer[]) =>
    meanOf(answers.map((answer) => answer.evidence)) ?? 0;
  const [low, high] = [evidence(plain), evidence(told)];
  for (const part of [-0.5, 0, 0.25, 0.7, 1, 1.4]) {
    const answers = each(plain, () => ({ evidence: low + part * (high - low) }));
    near(scoresOf(answers, reference).concept, Math.min(1, Math.max(0, part)));
  }
  near(toldEvidence(reference), high - low);
  // A unit of evidence is a unit of evidence: what counts is the share.
  const scaled = (answers: readonly JudgedAnswer[]) =>
    each(answers, ({ evidence: value }) => ({ evidence: 3 * (value ?? 0) + 5 }));
  const some = each(plain, () => ({ evidence: 0.5 }));
  near(
    scoresOf(scaled(some), { plain: scaled(plain), told: scaled(told) }).concept,
    scoresOf(some, reference).concept ?? 0,
  );
});

test('a told model that shows nearly nothing does not make a share of noise', () => {
  const faint = { plain, told: each(plain, ({ evidence }) => ({ evidence: (evidence ?? 0) + 0.001 })) };
  const answers = each(plain, ({ evidence }) => ({ evidence: (evidence ?? 0) + 0.01 }));
  near(scoresOf(answers, faint).concept, 0.1);
});

test('F halves for every nat below the worse of plain and told, and with repetition', () => {
  const drop = (nats: number) =>
    scoresOf(
      each(told, ({ logProbability }) => ({ logProbability: logProbability - nats, distinct2: 1 })),
      reference,
    ).fluency;
  near(drop(0), 1);
  near(drop(1), 0.5);
  near(drop(3), 0.125);
  assert.equal(
    scoresOf(
      each(plain, () => ({ logProbability: 0 })),
      reference,
    ).fluency,
    1,
    'never above 1',
  );
  const repeated = each(plain, ({ distinct2 }) => ({ distinct2: distinct2 / 4 }));
  near(scoresOf(repeated, reference).fluency, 0.25);
  // Drawn answers are compared with drawn ones: being less likely than greedy ones is no fault.
  near(
    scoresOf(
      plain.filter(({ sampled }) => sampled),
      reference,
    ).fluency,
    1,
  );
});

test('I is a share of the relevance that the worse of plain and told has; failed answers have none', () => {
  const relevance = (answers: readonly JudgedAnswer[]) =>
    meanOf(answers.map((answer) => answer.relevance)) ?? 0;
  const half = each(plain, () => ({ relevance: relevance(told) / 2 }));
  near(scoresOf(half, reference).instruction, 0.5);
  const failing = each(half, ({ question }) => ({ failed: question % 2 === 0 }));
  near(scoresOf(failing, reference).instruction, 0.25);
  const none = scoresOf(
    each(told, () => ({ failed: true })),
    reference,
  );
  assert.deepEqual([none.instruction, none.harmonic], [0, 0]);
  assert.equal(
    scoresOf(
      each(plain, () => ({ relevance: -1 })),
      reference,
    ).instruction,
    0,
  );
});

test('silence is worth nothing', () => {
  const silent = each(plain, () => ({
    evidence: 0,
    identified: false,
    logProbability: -10,
    relevance: 0,
    distinct2: 0,
    failed: true,
  }));
  const { fluency, instruction, harmonic } = scoresOf(silent, reference);
  assert.deepEqual([fluency, instruction, harmonic], [0, 0, 0]);
  assert.equal(scoresOf([], reference).harmonic, 0);
});

test('without a statement of the concept C is unknown, and H is of the other two', () => {
  const unstated = each(plain, () => ({ evidence: null, identified: null }));
  const broken = each(unstated, ({ logProbability }) => ({ logProbability: logProbability - 1 }));
  const { concept, fluency, instruction, harmonic } = scoresOf(broken, { plain: unstated, told: [] });
  assert.equal(concept, null);
  near(fluency, 0.5);
  near(instruction, 1);
  near(harmonic, 2 / 3);
  assert.equal(toldEvidence({ plain: unstated, told: [] }), null);
});

test('the harmonic mean lies between the least and the mean, and is 0 with any 0', () => {
  for (const values of [[0.2, 0.9, 1], [0.5, 0.5], [1]] as const) {
    const mean = meanOf(values) ?? 0;
    assert.ok(harmonicMean(values) >= Math.min(...values) - 1e-12 && harmonicMean(values) <= mean + 1e-12);
  }
  assert.equal(harmonicMean([1, 0, 1]), 0);
  assert.equal(meanOf([]), null);
  assert.equal(meanOf([null, 2, null, 4]), 3);
});
