import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fitBest } from '../../src/fitting/fit-best.js';
import { fit, plan } from './steerable-fit.js';
import { type SteerableOptions, steerableModel } from './steerable-model.js';

test('a profile that reaches more is kept, unless the request names one', async () => {
  // The first layer alone does anything: a profile by the norm spends as much on the others.
  const options: SteerableOptions = { shows: { answer: 0.98 }, works: (layer) => layer === 1 };
  const { winner, concept, entries } = await fit(options);
  assert.equal(winner?.profile, 'uniform', JSON.stringify(entries));
  assert.equal(concept.record.details.profile, 'uniform');
  const [, one, two, three] = concept.calibration.coefficients;
  assert.ok((one as number) > 0 && one === two && two === three);
  const named = await fit(options, { profile: 'norm' });
  assert.deepEqual(
    named.entries.map(({ profile }) => profile),
    ['norm', 'norm', 'norm', 'norm'],
  );
});

test('the same request gives the same concept', async () => {
  const [first, second] = [await fit({ shows: { answer: 0.9 } }), await fit({ shows: { answer: 0.9 } })];
  assert.equal(first.concept.version, second.concept.version);
  assert.deepEqual(first.entries, second.entries);
});

test('methods of one recipe are fitted from one set of captures', async () => {
  const named = { recipe: 'responses', calibrate: false, texts: undefined };
  const once = await fit({ shows: { answer: 0.9 } }, named);
  const { entries, engine, winner, stages, concept } = await fit(
    { shows: { answer: 0.9 } },
    { ...named, method: 'auto', calibrate: true },
  );
  // The calibration reads its own message and eight others for ablation.
  assert.equal(engine.captures.length, once.engine.captures.length + 9);
  assert.deepEqual(entries.map(({ method, profile }) => `${method} ${profile}`).slice(0, 3), [
    'mean_difference separation',
    'rfm separation',
    'logistic separation',
  ]);
  assert.equal(concept.record.method, winner?.method);
  assert.ok(stages.includes('responses, method rfm: direction'), stages.join('; '));
});

test('an abort ends it at any candidate and leaves nothing running', async () => {
  for (const at of [
    'attention, contrast none: capture',
    'texts: write',
    'responses: direction',
    'calibrate: answer as told',
    'attention, contrast others: calibrate: answer steered',
    'responses, profile uniform: calibrate: answer steered',
    'calibrate: answer steered',
  ]) {
    const model = steerableModel({ shows: { answer: 0.98 } });
    const controller = new AbortController();
    let reached = false;
    const work = fitBest(plan(), model, controller.signal, (stage) => {
      if (stage !== at) return;
      reached = true;
      controller.abort(new Error('enough'));
    });
    await assert.rejects(work, /enough/, at);
    assert.ok(reached);
    assert.equal(model.engine.running, 0, at);
  }
});
