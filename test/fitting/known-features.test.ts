/** Fits that read the same read it once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withEngine } from '../../src/engine/engine.js';
import { fitConcept } from '../../src/fitting/fit-concept.js';
import type { FitSettings } from '../../src/fitting/fit-settings.js';
import { fakeModel, concept as prefix } from './fake-model.js';

const settings: FitSettings = {
  ...{ name: 'sea', prefix, recipe: 'responses', method: 'mean_difference', labels: 'hard' },
  ...{ statements: undefined, calibrate: false, maxTokens: 16, seed: 0 },
};

test('a method takes what another one has read, and finds what it finds alone', async () => {
  const { signal } = new AbortController();
  const fake = fakeModel();
  let captures = 0;
  const engine = withEngine(fake.engine, {
    capture: (request, either) => {
      captures++;
      return fake.engine.capture(request, either);
    },
  });
  const model = { ...fake, engine };
  await fitConcept(settings, model, signal);
  const read = captures;
  assert.ok(read > 0);
  const other: FitSettings = {
    ...settings,
    name: 'other',
    method: 'pca',
    profile: 'uniform',
    layers: [1, 3],
  };
  const found = await fitConcept(other, model, signal);
  assert.equal(captures, read);
  assert.equal(found.version, (await fitConcept(other, fakeModel(), signal)).version);
  // What a recipe looks at makes it read anew, and what was aborted is not kept.
  const longer: FitSettings = { ...settings, maxTokens: 8 };
  const aborted = AbortSignal.abort(new Error('left'));
  await assert.rejects(fitConcept(longer, model, aborted), /left/);
  const before = captures;
  await fitConcept(longer, model, signal);
  assert.ok(captures > before);
});
