/** A brief trial on models whose best is known: near enough to compare by, for a fraction of the answers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tryBriefly } from '../../../src/fitting/measure/brief-trial.js';
import { calibrateConcept, trialsOf } from '../../../src/fitting/measure/calibrate.js';
import { JudgedEngine, judgedModel, type Rules, rulesAround, seaConcept } from './judged-model.js';

const { signal } = new AbortController();
const concept = seaConcept();

function brief(rules: Rules) {
  const engine = new JudgedEngine(rules);
  const trials = trialsOf(concept, judgedModel(engine), {}, signal, () => {});
  return { engine, trials, trial: () => tryBriefly(concept, trials) };
}

test('it finds the share and the scores of a calibration, from fewer answers', async () => {
  for (const peak of [0.006, 0.012, 0.03]) {
    const { engine, trials, trial } = brief(rulesAround(peak));
    await trials.references();
    const references = engine.generated.length;
    const { share, scores, identified } = await trial();
    const answers = engine.generated.length - references;
    const whole = await calibrateConcept(concept, judgedModel(engine), {}, signal, () => {}, trials);
    const told = whole.calibration.details as { share: number; scores: Record<keyof typeof scores, number> };
    assert.ok(Math.abs(Math.log(share / told.share)) < Math.log(1.25), `${share} is not ${told.share}`);
    for (const [name, score] of Object.entries(scores))
      assert.ok(Math.abs((score ?? -1) - told.scores[name as keyof typeof scores]) < 0.1, name);
    assert.equal(identified, 1);
    assert.ok(answers <= 80, `${answers} answers`);
  }
});

test('of two the one that shows more for the same loss scores higher', async () => {
  const loss = (share: number) => 60 * Math.abs(share);
  const [weak, strong] = [40, 80].map((gain) => brief({ loss, gain: (share) => Math.min(1, gain * share) }));
  const [less, more] = [await weak?.trial(), await strong?.trial()];
  assert.ok((more?.scores.harmonic ?? 0) > (less?.scores.harmonic ?? 1) + 0.02, JSON.stringify([less, more]));
});

test('trials of one statement answer its references once', async () => {
  const { engine, trial } = brief(rulesAround(0.012));
  const first = await trial();
  const answers = engine.generated.length;
  assert.deepEqual(await trial(), first);
  const unsteered = engine.generated.slice(answers).filter(({ edit }) => edit.length === 0);
  assert.equal(unsteered.length, 0);
});
