/** Side effects on the embedded model: what it knows unsteered, and that a strong edit costs more than a weak one. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { decodeConcept } from '../../../src/concepts/concept-file.js';
import { measureSideEffects } from '../../../src/fitting/measure/side-effects.js';
import { editAt, unitEdit } from '../../../src/fitting/measure/unit-edit.js';
import { loadModel } from '../../../src/models/serve/load.js';
import { embeddedDirectory } from '../../helpers/embedded-model.js';
import { testCache } from '../../helpers/test-cache.js';

test('the embedded model knows most facts and writes JSON; more steering costs more of both', async () => {
  const settings = {
    threads: 0,
    slots: 16,
    context: 0,
    prefillChunk: 64,
    queue: 64,
    cacheDirectory: testCache,
  };
  const model = await loadModel('smollm2-135m-instruct', embeddedDirectory, settings);
  try {
    const concept = decodeConcept(await readFile(join(embeddedDirectory, 'concepts/ocean.safetensors')));
    const unit = unitEdit(concept, concept.residualNorms);
    // Shares of the residual stream: a weak edit and one that breaks the text.
    const { unsteered, strengths } = await measureSideEffects(
      model,
      { strengths: [0.004, 0.04], editAt: (share) => editAt(concept, unit, share) },
      new AbortController().signal,
    );
    // Guessing gets a quarter right.
    assert.ok(unsteered.facts_right.interval[0] > 0.6, JSON.stringify(unsteered));
    assert.ok((unsteered.valid_json.share ?? 0) >= 0.5, JSON.stringify(unsteered));
    const [weak, strong] = strengths;
    assert.ok(weak !== undefined && strong !== undefined);
    assert.ok(strong.neutral_log_probability_change.mean < weak.neutral_log_probability_change.mean - 0.5);
    assert.ok((weak.facts_still_right.share ?? 0) > 0.8, JSON.stringify(weak));
    assert.ok((strong.facts_still_right.share ?? 1) < (weak.facts_still_right.share ?? 0));
  } finally {
    await model.engine.close();
  }
});
