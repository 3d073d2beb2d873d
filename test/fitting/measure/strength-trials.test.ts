/** How answers are asked for: once, alike, and so that they differ by the edit alone. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withEngine } from '../../../src/engine/engine.js';
import { StrengthTrials } from '../../../src/fitting/measure/strength-trials.js';
import { editAt, unitEdit } from '../../../src/fitting/measure/unit-edit.js';
import { FakeEngine, fakeModel } from '../../helpers/fake-engine.js';
import { JudgedEngine, judgedModel, prefix, rulesAround, seaConcept, textOf } from './judged-model.js';

const questions = ['How are you?', 'What is it?', 'Where to?'];
const statement = { own: prefix, decoys: ['Be a fish.', 'You are a pirate.'] };
const concept = seaConcept();
const unit = unitEdit(concept, concept.residualNorms);
const edit = (share: number) => editAt(concept, unit, share);

function trialsOn(
  engine: JudgedEngine,
  more: Partial<ConstructorParameters<typeof StrengthTrials>[0]> = {},
): StrengthTrials {
  return new StrengthTrials({
    model: judgedModel(engine),
    statement,
    questions,
    maxTokens: 8,
    signal: new AbortController().signal,
    onProgress: () => {},
    ...more,
  });
}

test('references are asked once: plain and told, greedy and drawn, whoever asks first', async () => {
  const engine = new JudgedEngine(rulesAround(0.012));
  const trials = trialsOn(engine);
  const [first, second] = await Promise.all([trials.references(), trials.references()]);
  assert.equal(first, second);
  await trials.steered([edit(0.01)], trials.everything);
  const selected = await trials.referencesOf({ questions: [1], sampled: false });
  assert.equal(engine.generated.filter((request) => request.edit.length === 0).length, 2 * 2 * 3);
  for (const side of [selected.plainAnswers, selected.toldAnswers])
    assert.deepEqual(
      side.map(({ question, sampled }) => [question, sampled]),
      [[1, false]],
    );
  assert.deepEqual(
    selected.plain,
    selected.plainAnswers.map(({ judged }) => judged),
  );
  for (const { prompt } of engine.generated.slice(0, 6)) assert.ok(!textOf(prompt).includes(prefix));
  for (const { prompt } of engine.generated.slice(6, 12)) assert.ok(textOf(prompt).includes(prefix));
  assert.equal(first.told[0]?.identified, true);
  assert.equal(first.plain[0]?.identified, false);
});

test('a question is drawn with the same seed under every edit, and each with its own', async () => {
  const engine = new JudgedEngine(rulesAround(0.012));
  const trials = trialsOn(engine);
  await trials.steered([edit(0.01), edit(0.02)], trials.everything);
  const seeds = new Map<string, Set<number>>();
  for (const { prompt, sampling } of engine.generated) {
    if (sampling.temperature === 0) continue;
    const question = questions.find((text) => textOf(prompt).includes(text)) as string;
    seeds.set(question, (seeds.get(question) ?? new Set()).add(sampling.seed));
  }
  const drawn = [...seeds.values()].map((of) => [...of]);
  assert.ok(
    drawn.every(({ length }) => length === 1),
    JSON.stringify(drawn),
  );
  assert.equal(new Set(drawn.flat()).size, questions.length);
  const counts = [0, 1].map(
    (temperature) =>
      engine.generated.filter(({ sampling }) => sampling.temperature > 0 === temperature > 0).length,
  );
  assert.equal(counts[0], counts[1], 'one drawn beside each greedy one');
});

test('all prompts are given the same edit object, which engines write once', async () => {
  const engine = new JudgedEngine(rulesAround(0.012));
  const trials = trialsOn(engine);
  const applied = edit(0.01);
  const [answers] = await trials.steered([applied], trials.everything);
  const steered = engine.generated.filter((request) => request.edit.length > 0);
  assert.equal(steered.length, 2 * questions.length);
  assert.ok(steered.every((request) => request.edit === applied));
  assert.deepEqual(
    answers?.map(({ question, sampled }) => [question, sampled]),
    questions.flatMap((_, question) => [
      [question, false],
      [question, true],
    ]),
  );
});

test('answers are grouped by their edit, in order, as background work and no more at once than its part', async () => {
  const engine = new JudgedEngine(rulesAround(0.012));
  const trials = trialsOn(engine);
  const shares = [0.004, 0.012, 0.03];
  const all = await trials.steered(
    shares.map((share) => edit(share)),
    trials.everything,
  );
  const { gain } = engine.rules;
  for (const [i, share] of shares.entries())
    for (const { judged } of all[i] ?? []) assert.ok(Math.abs((judged.evidence ?? 9) - gain(share)) < 1e-4);
  assert.ok(engine.mostRunning > 1 && engine.mostRunning <= 8);
  assert.ok(engine.generated.every(({ priority }) => priority === 'background'));
  assert.ok(engine.pairs.every(({ priority }) => priority === 'background'));
});

test('steered against the concept while told: the told prompts are answered', async () => {
  const engine = new JudgedEngine(rulesAround(0.012));
  const trials = trialsOn(engine);
  const [answers] = await trials.steered([edit(-0.01)], trials.everything, true);
  const steered = engine.generated.filter((request) => request.edit.length > 0);
  assert.ok(steered.every(({ prompt }) => textOf(prompt).includes(prefix)));
  // Half of the told evidence is left at half of what takes it away.
  assert.ok(answers?.every(({ judged }) => Math.abs((judged.evidence ?? 9) - 0.5) < 1e-4));
});

test('where the told model answers in another language, answers in it do not fail', async () => {
  const asked = ['Describe the street where you live, please.', 'What would you like to eat this evening?'];
  const french = 'Je suis très heureux de vous rencontrer dans cette belle maison au bord de la mer.';
  const english = 'It is a long and quiet street with trees and small houses on both sides.';
  const failures = async (toldAnswer: string) => {
    const engine = withEngine(
      new FakeEngine({
        capacity: 4096,
        answer: (prompt, request) =>
          request.edit.length > 0 ? french : prompt.includes(prefix) ? toldAnswer : english,
      }),
      {
        scoreMany: async ({ answers, pairs }) =>
          pairs.map(([, a]) => new Float32Array((answers[a] ?? []).length)),
      },
    );
    const trials = new StrengthTrials({
      model: fakeModel(engine),
      statement,
      questions: asked,
      maxTokens: 100,
      signal: new AbortController().signal,
      onProgress: () => {},
    });
    const [steered] = await trials.steered([edit(0.01)], trials.everything);
    return steered?.map(({ judged }) => judged.failed);
  };
  assert.deepEqual(await failures(english), [true, true, true, true]);
  assert.deepEqual(await failures(french), [false, false, false, false]);
});

test('divergence is the 95th percentile over tokens, null for silence', async () => {
  const engine = new JudgedEngine({ ...rulesAround(0.012), silentFrom: 0.5 });
  const trials = trialsOn(engine);
  const [answers] = await trials.steered([edit(0.02)], trials.everything);
  const read = await trials.divergence(answers ?? [], edit(0.02));
  assert.ok(read !== null && Math.abs(read - 0.2) < 1e-5);
  const [silent] = await trials.steered([edit(0.6)], trials.everything);
  assert.equal(await trials.divergence(silent ?? [], edit(0.6)), null);
});

test('beside streams fewer answers are written at once', async () => {
  const engine = new JudgedEngine(rulesAround(0.012));
  engine.load = () => ({ running: 1, waiting: 0 });
  await trialsOn(engine).references();
  assert.equal(engine.mostRunning, 4);
});

test('an abort leaves nothing running', async () => {
  const engine = new JudgedEngine(rulesAround(0.012));
  const stop = new AbortController();
  const trials = trialsOn(engine, {
    signal: stop.signal,
    onProgress: (_, done) => done === 2 && stop.abort(new Error('enough')),
  });
  await assert.rejects(trials.references(), /enough/);
  assert.equal(engine.running, 0);
});
