/** Strength -1: how much of a told concept goes, and at what price. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StrengthTrials, type TriedAnswer } from '../../../src/fitting/measure/strength-trials.js';
import { measureSuppression, suppressionOf } from '../../../src/fitting/measure/suppression.js';
import { editAt, unitEdit } from '../../../src/fitting/measure/unit-edit.js';
import { judgedAnswer, judgedAnswers } from './answers.js';
import { JudgedEngine, judgedModel, mixed, prefix, type Rules, seaConcept } from './judged-model.js';

const concept = seaConcept();
const unit = unitEdit(concept, concept.residualNorms);
const questions = ['How are you?', 'What is it?', 'Where to?', 'Why now?'];

function measuring(rules: Partial<Rules>, one: number, stated = true) {
  const engine = new JudgedEngine({ gain: () => 0, loss: () => 0, ...rules });
  const trials = new StrengthTrials({
    model: judgedModel(engine),
    statement: stated ? { own: prefix, decoys: ['Be a fish.'] } : null,
    questions,
    maxTokens: 8,
    signal: new AbortController().signal,
    onProgress: () => {},
  });
  const selection = { questions: [0, 1, 2, 3], sampled: false };
  const edit = (share: number) => editAt(concept, unit, share);
  return { engine, result: measureSuppression(trials, edit, one, selection) };
}

/** Half of the told evidence is gone at this share against it. */
const goneBy = (half: number) => (share: number) => 1 / (1 + (Math.abs(share) / half) ** 4);

test('strength -1 lies where much is gone and the text is whole', async () => {
  const told = goneBy(0.006);
  // Fluency is a half at three times as much.
  const loss = (share: number) => mixed(told(share)) - Math.log2(1 / (1 + (Math.abs(share) / 0.018) ** 4));
  const found = await measuring({ told, loss }, 0.01).result;
  assert.ok(found);
  const { share, suppressed, fluency } = found;
  assert.ok(share > 0.0075 && share < 0.0145, `${share}`);
  assert.ok(suppressed > 0.7 && fluency > 0.65, `${suppressed} ${fluency}`);
  assert.deepEqual(
    found.measured.map((point) => point.share),
    [0.006, 0.011, 0.02],
  );
  for (const point of found.measured)
    assert.ok(Math.abs(point.suppressed - (1 - told(-point.share))) < 1e-3, JSON.stringify(point.suppressed));
});

test('told prompts are answered, steered against the concept', async () => {
  const { engine, result } = measuring({}, 0.01);
  await result;
  const steered = engine.generated.filter(({ edit }) => edit.length > 0);
  assert.equal(steered.length, 3 * questions.length);
  for (const { prompt, edit } of steered) {
    assert.ok(String.fromCodePoint(...prompt).includes(prefix));
    assert.ok((edit[0]?.add[1] ?? 0) < 0);
  }
});

test('where nothing goes nothing is claimed', async () => {
  const found = await measuring({ told: () => 1 }, 0.01).result;
  assert.ok((found?.suppressed ?? 1) < 0.01);
  assert.ok(found?.measured.every(({ suppressed }) => suppressed === 0));
});

test('without a message there is nothing to suppress', async () => {
  const { engine, result } = measuring({}, 0.01, false);
  assert.equal(await result, null);
  assert.equal(engine.generated.length, 0);
});

test('suppressed is the share of the told gain that is gone, cut to 0 and 1', () => {
  const reference = {
    plain: judgedAnswers(4, () => ({ evidence: 0.2 })),
    told: judgedAnswers(4, () => ({ evidence: 1.2 })),
  };
  const left = (evidence: number): TriedAnswer[] => [
    { question: 0, sampled: false, tokens: [], judged: judgedAnswer({ evidence }) },
  ];
  for (const [evidence, expected] of [
    [1.2, 0],
    [0.2, 1],
    [0.7, 0.5],
    [-3, 1],
    [4, 0],
  ] as const)
    assert.ok(Math.abs(suppressionOf(left(evidence), reference).suppressed - expected) < 1e-9);
});
