/** The search for strength 1 on models whose best is known. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findStrength, glancedScores } from '../../../src/fitting/measure/strength-search.js';
import { StrengthTrials } from '../../../src/fitting/measure/strength-trials.js';
import { editAt, unitEdit } from '../../../src/fitting/measure/unit-edit.js';
import { heldOutQuestions } from '../../../src/fitting/statements/questions.js';
import {
  JudgedEngine,
  judgedModel,
  mixed,
  prefix,
  type Rules,
  rulesAround,
  seaConcept,
} from './judged-model.js';

const concept = seaConcept();
const unit = unitEdit(concept, concept.residualNorms);

function searching(
  rules: Rules,
  more: { stated?: boolean; signal?: AbortSignal; onProgress?: () => void } = {},
) {
  const { stated = true, signal = new AbortController().signal, onProgress = () => {} } = more;
  const engine = new JudgedEngine(rules);
  const trials = new StrengthTrials({
    model: judgedModel(engine),
    statement: stated ? { own: prefix, decoys: ['Be a fish.'] } : null,
    questions: heldOutQuestions.slice(0, 6),
    maxTokens: 8,
    signal,
    onProgress,
  });
  const find = (shares?: readonly number[], near?: number) =>
    findStrength(trials, {
      editAt: (share) => editAt(concept, unit, share),
      selection: trials.everything,
      around: [0.65, 1, 1.6],
      shares,
      near,
    });
  return { engine, trials, find };
}

/** Two thirds up the range in which the true harmonic mean is at least 0.75 of its best. */
function trueBest({ gain, loss, relevance = () => 1 }: Rules): number {
  const grid = Array.from({ length: 4000 }, (_, i) => 1e-4 * 5000 ** (i / 3999));
  const value = (share: number) => {
    const fluency = 2 ** -Math.max(0, loss(share) - mixed(gain(share)));
    const scores = [Math.min(1, Math.max(0, gain(share))), fluency, Math.min(1, relevance(share))];
    return 3 / scores.reduce((sum, score) => sum + 1 / score, 0);
  };
  const most = Math.max(...grid.map(value));
  const good = grid.filter((share) => value(share) >= 0.75 * most);
  return (good[0] as number) ** (1 / 3) * (good.at(-1) as number) ** (2 / 3);
}

test('the best is found within 20 %, wherever it is', async () => {
  for (const peak of [0.002, 0.006, 0.012, 0.02, 0.045, 0.09]) {
    const rules = rulesAround(peak);
    const { one } = await searching(rules).find();
    const best = trueBest(rules);
    // The range that strength 1 lies in ends where measuring does.
    assert.ok(Math.abs(Math.log(one / best)) < Math.log(1.2), `${one} where ${best} is best`);
  }
});

test('what questions lose counts as well', async () => {
  const usual = rulesAround(0.012);
  // Answers leave their questions before they fall apart.
  const rules = { ...usual, relevance: (share: number) => 1 / (1 + (Math.max(0, share) / 0.012) ** 4) };
  const { one } = await searching(rules).find();
  assert.ok(Math.abs(Math.log(one / trueBest(rules))) < Math.log(1.15), `${one}, ${trueBest(rules)}`);
  assert.ok(one < trueBest(usual));
});

test('a few answers that show it early do not end the search while text is whole', async () => {
  const { loss } = rulesAround(0.014);
  // As one shipped concept looked at first: half of it at a small share, less at the next ones, all of it further on.
  const gain = (share: number) => (share < 0.004 ? 0.1 : share < 0.0065 ? 0.6 : share < 0.0095 ? 0.4 : 1);
  const { one, steered } = await searching({ gain, loss }).find(undefined, 0.005);
  assert.ok((steered.at(-1)?.share ?? 0) > 0.0095, 'measured beyond');
  assert.ok(one > 0.008, `${one}`);
});

test('a jump is caught: strength 1 lies behind it', async () => {
  const gain = (share: number) => (share >= 0.011 ? 1 : 0);
  const { loss, gain: smooth } = rulesAround(0.014);
  const fluencyLoss = (share: number) => loss(share) - mixed(smooth(share)) + mixed(gain(share));
  const { one } = await searching({ gain, loss: fluencyLoss }).find();
  assert.ok(one >= 0.011 && one < 0.028, `${one}`);
});

test('what is measured are shares in order, each answered by all questions', async () => {
  const { find, trials } = searching(rulesAround(0.012));
  const { steered, one } = await find();
  const shares = steered.map(({ share }) => share);
  assert.deepEqual(
    shares,
    [...shares].sort((a, b) => a - b),
  );
  assert.equal(new Set(shares).size, shares.length);
  assert.ok((shares[0] ?? 1) <= one && one <= (shares.at(-1) ?? 0), `${one} in ${shares}`);
  for (const { tried, answers } of steered) {
    assert.equal(tried.length, trials.everything.questions.length * 2);
    assert.deepEqual(
      answers,
      tried.map(({ judged }) => judged),
    );
  }
});

test('shares that are given are measured, and no others', async () => {
  const { find, engine } = searching(rulesAround(0.012));
  const { steered, one } = await find([0.02, 0.01]);
  assert.deepEqual(
    steered.map(({ share }) => share),
    [0.01, 0.02],
  );
  assert.equal(engine.generated.filter(({ edit }) => edit.length > 0).length, 2 * 12);
  assert.ok(one > 0.01 / 1.16 && one < 0.02 * 1.16);
});

test('without a statement fluency and relevance decide', async () => {
  const { gain, loss } = rulesAround(0.02);
  // Nothing is added by a message that does not exist.
  const rules = { gain, loss: (share: number) => loss(share) - mixed(gain(share)) };
  const { one, curve } = await searching(rules, { stated: false }).find();
  assert.equal(curve.concept, null);
  // F is 2 / 3 where its harmonic mean with an I of 1 is 0.8: at half of its half, 0.04.
  const expected = 0.04 * 0.5 ** (1 / 4);
  assert.ok(Math.abs(Math.log(one / expected)) < Math.log(1.15), `${one} is not ${expected}`);
});

test('a glance at plain answers that are all empty has a fluency', () => {
  const glance = { question: 0, sampled: false, logProbability: -10, gain: 0 };
  const silent = [{ ...glance, distinct2: 0 }];
  const spoken = [{ ...glance, logProbability: -1, distinct2: 0.9 }];
  assert.equal(glancedScores(silent, { plain: silent, told: [] }).fluency, 0);
  assert.equal(glancedScores(spoken, { plain: silent, told: [] }).fluency, 1);
});

test('the same model gives the same search', async () => {
  const [first, second] = [searching(rulesAround(0.012)), searching(rulesAround(0.012))];
  assert.deepEqual(await first.find(), await second.find());
  assert.equal(first.engine.generated.length, second.engine.generated.length);
});

test('cancelled at any stage, it stops and leaves nothing running', async () => {
  for (const at of [1, 20, 45, 85]) {
    const stop = new AbortController();
    let calls = 0;
    const { find, engine } = searching(rulesAround(0.012), {
      signal: stop.signal,
      onProgress: () => {
        if (++calls === at) stop.abort(new Error('enough'));
      },
    });
    await assert.rejects(find(), /enough/);
    assert.equal(engine.running, 0);
    const asked = engine.generated.length;
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(engine.generated.length, asked);
  }
});
