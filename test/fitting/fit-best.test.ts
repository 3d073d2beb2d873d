import assert from 'node:assert/strict';
import { test } from 'node:test';
import { recordedWarnings } from '../../src/concepts/fit-record.js';
import { SteerdError } from '../../src/errors.js';
import { type Entry, fit, harmonicOf } from './steerable-fit.js';

test('the recipe that finds the direction is kept, and what the others reached', async () => {
  for (const [place, recipe] of [
    ['prompt', 'attention'],
    ['answer', 'responses'],
    ['text', 'texts'],
  ] as const) {
    // A subject brings texts about it.
    const stated = place === 'text' ? { prefix: undefined, subject: 'zorbs' } : {};
    const { concept, entries, winner, harmonics } = await fit({ shows: { [place]: 0.98 } }, stated);
    assert.equal(winner?.recipe, recipe, JSON.stringify(entries));
    assert.deepEqual([concept.record.recipe, concept.record.method], [recipe, winner?.method]);
    assert.ok((winner && harmonicOf(winner)) >= Math.max(...harmonics) - 0.02);
    // The paper's own, the same with a contrast, two more, and the winner with two other profiles.
    assert.deepEqual(
      entries.slice(0, 4).map((entry) => [entry.recipe, entry.method, entry.contrast, entry.profile]),
      [
        ['attention', 'rfm', 'none', 'separation'],
        ['attention', 'rfm', 'others', 'separation'],
        ['responses', 'mean_difference', 'others', 'separation'],
        ['texts', 'mean_difference', 'others', 'separation'],
      ],
    );
    assert.deepEqual(
      entries.slice(4).map((entry) => [entry.recipe, entry.profile]),
      [
        [recipe, 'norm'],
        [recipe, 'uniform'],
      ],
    );
    for (const { share, scores, identified } of entries) {
      assert.ok((share ?? 0) > 0);
      assert.ok(scores && scores.harmonic <= 1 && scores.concept > 0);
      assert.ok(identified !== undefined && identified >= 0 && identified <= 1);
    }
    // Texts of no subject are written under the message, and show what answers show.
    const others = entries
      .filter((entry) => entry.recipe !== recipe && !(place === 'answer' && entry.recipe === 'texts'))
      .map(harmonicOf);
    assert.ok(Math.max(...others) < Math.max(...harmonics) - 0.02, JSON.stringify(entries));
    assert.equal(concept.calibration.method, 'harmonic');
  }
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

test('progress names the candidate, and the layers heard of are those of what is kept', async () => {
  const { stages, layers, concept } = await fit({ shows: { answer: 0.98 } });
  for (const stage of [
    'attention, contrast none: capture',
    'attention, contrast others: direction',
    'responses: answer',
    'texts: write',
    'calibrate: answer plainly',
    'texts: calibrate: judge',
    'responses, profile norm: calibrate: judge',
    'calibrate: side effects',
  ])
    assert.ok(stages.includes(stage), `${stage} is not among ${stages.join('; ')}`);
  assert.deepEqual(layers.sort(), [1, 2, 3]);
  assert.equal((concept.record.details.layers as object[]).length, 3);
});

test('what is named is fitted and nothing else', async () => {
  const { concept, entries, stages } = await fit({}, { recipe: 'texts', method: 'logistic' });
  assert.deepEqual([concept.record.recipe, concept.record.method], ['texts', 'logistic']);
  assert.equal(entries.length, 0);
  assert.ok(stages.includes('write') && stages.includes('calibrate: side effects'));
});

test('without calibration nothing is measured: texts for a subject, responses for a message', async () => {
  const message = await fit({}, { calibrate: false });
  assert.equal(message.concept.record.recipe, 'responses');
  const subject = await fit({}, { calibrate: false, prefix: undefined, subject: 'zorbs' });
  assert.equal(subject.concept.record.recipe, 'texts');
  for (const { engine, concept } of [message, subject]) {
    assert.equal(engine.scored, 0);
    assert.equal(concept.calibration.method, 'norm_share');
    assert.deepEqual(recordedWarnings(concept.record.details), []);
  }
  const plain = await fit({ template: 'none' }, { calibrate: false });
  assert.equal(plain.concept.record.recipe, 'texts');
  assert.match(
    recordedWarnings(plain.concept.record.details).join(),
    /responses was left out: .*no chat template/,
  );
  assert.deepEqual(plain.layers.sort(), [1, 2, 3]);
});
