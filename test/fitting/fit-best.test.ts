import assert from 'node:assert/strict';
import { test } from 'node:test';
import { recordedWarnings } from '../../src/concepts/fit-record.js';
import { findsAt, fit } from './steerable-fit.js';

test('the recipe that finds the direction is kept, progress names each, and the layers heard of are its own', async () => {
  const { stages, layers, concept } = await findsAt('answer');
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
