import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SequenceRequest } from '../../src/engine/protocol.js';
import { errors, SteerdError } from '../../src/errors.js';
import { fitBest } from '../../src/fitting/fit-best.js';
import { type Entry, findsAt, fit, harmonicOf, plan } from './steerable-fit.js';
import { type SteerableOptions, steerableModel } from './steerable-model.js';

test('the recipe that finds the direction is kept, in prompts and in texts too', async () => {
  for (const place of ['prompt', 'text'] as const) await findsAt(place);
});

test('of candidates that measure alike the earliest is kept', async () => {
  const { winner, entries, concept } = await fit({ shows: { prompt: 0.9 } });
  const [paper, contrasted] = entries.map(harmonicOf) as [number, number];
  assert.ok(contrasted > paper && contrasted < paper + 0.02, 'a little better, and no more');
  assert.equal(entries.indexOf(winner as Entry), 0, JSON.stringify(entries));
  assert.equal(concept.record.details.contrast, undefined, 'contrast none says nothing');
});

test('what a model cannot be fitted by is recorded and left out', async () => {
  const { winner, entries } = await fit({ template: 'none', shows: { answer: 0.98 } });
  assert.equal(winner?.recipe, 'texts');
  for (const entry of entries.slice(0, 3)) {
    assert.match(entry.failed ?? '', /no chat template/);
    assert.equal(entry.scores, undefined);
  }
  // A model that has no word for it can be read where it is asked, and nowhere else.
  const mute = await fit({ silent: true });
  assert.deepEqual(
    mute.entries.slice(0, 4).map(({ failed }) => failed === undefined),
    [true, true, false, false],
  );
  const all = fit({ capacity: 24 });
  await assert.rejects(all, (error) => error instanceof SteerdError && /24/.test(error.message));
});

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

test('a candidate that cannot be tried is recorded and left out, and the fit fails when none can', async () => {
  const failing = (fault: () => Error, fails: (number: number) => boolean) => {
    const model = steerableModel({ shows: { answer: 0.9 } });
    const tried: Float32Array[] = [];
    const { generate } = model.engine;
    model.engine.generate = function (request: SequenceRequest, signal?: AbortSignal) {
      const vectors = request.edit[0]?.vectors;
      if (vectors !== undefined) {
        if (!tried.includes(vectors)) tried.push(vectors);
        if (fails(tried.indexOf(vectors))) throw fault();
      }
      return generate.call(this, request, signal);
    };
    return { model, best: fitBest(plan(), model, new AbortController().signal) };
  };
  const steersNothing = () => errors.invalidValue('concept', 'one that steers layers', 'none');
  for (const fault of [steersNothing, () => errors.fitImpossible('no room')]) {
    const { model, best } = failing(fault, (number) => number === 0);
    const { candidates } = (await best).record.details.auto as { candidates: Entry[] };
    assert.match(candidates[0]?.failed ?? '', new RegExp(fault().message.slice(-12)));
    assert.ok(candidates.slice(1).every(({ failed }) => failed === undefined));
    assert.equal(model.engine.running, 0);
    await assert.rejects(failing(fault, () => true).best, { message: fault().message });
  }
  await assert.rejects(
    failing(
      () => new Error('broken'),
      (number) => number === 1,
    ).best,
    /broken/,
  );
});
