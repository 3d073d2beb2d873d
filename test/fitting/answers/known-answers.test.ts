/** Answers without an edit are written once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withEngine } from '../../../src/engine/engine.js';
import { greedy } from '../../../src/engine/protocol.js';
import { plainAnswer } from '../../../src/fitting/answers/known-answers.js';
import { characterTokenizer, FakeEngine, fakeModel } from '../../helpers/fake-engine.js';

const signal = new AbortController().signal;
const request = { prompt: characterTokenizer.encode('Hello?'), maxTokens: 8, sampling: greedy };

test('the same model, prompt, length and sampling are one answer; a difference in any is another', async () => {
  const engine = new FakeEngine({ answer: (_, { sampling }) => `It is ${sampling.seed}, and more.` });
  const model = fakeModel(engine);
  const first = await plainAnswer(model, request, signal);
  assert.deepEqual(await plainAnswer(model, { ...request, prompt: [...request.prompt] }, signal), first);
  // A caller's own view of the engine is the same model.
  assert.equal(await plainAnswer(fakeModel(withEngine(engine, {})), request, signal), first);
  assert.equal(engine.requests.length, 1);
  await plainAnswer(model, { ...request, maxTokens: 9 }, signal);
  await plainAnswer(model, { ...request, sampling: { ...greedy, seed: 2 } }, signal);
  await plainAnswer(model, { ...request, prompt: characterTokenizer.encode('Hello!') }, signal);
  assert.equal(engine.requests.length, 4);
  const other = new FakeEngine({ answer: () => 'No.' });
  assert.notDeepEqual(await plainAnswer(fakeModel(other), request, signal), first);
});

test('an answer that was cut off is not kept, and a known one is not given after an abort', async () => {
  const stop = new AbortController();
  const engine = new FakeEngine({
    answer: () => 'It is long.',
    pace: async (step) => step === 2 && stop.abort(new Error('enough')),
  });
  const model = fakeModel(engine);
  await assert.rejects(plainAnswer(model, request, stop.signal), /enough/);
  const whole = await plainAnswer(model, request, signal);
  assert.equal(whole.length, 8);
  await assert.rejects(plainAnswer(model, request, stop.signal), /enough/);
});
