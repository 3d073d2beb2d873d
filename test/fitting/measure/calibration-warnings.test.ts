/** What a calibration says in words. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { calibrateConcept } from '../../../src/fitting/measure/calibrate.js';
import { calibrationWarnings, strengthSummary } from '../../../src/fitting/measure/calibration-warnings.js';
import { JudgedEngine, judgedModel, type Rules, rulesAround, seaConcept } from './judged-model.js';

const usual = rulesAround(0.012);

async function measured(rules: Rules, concept = seaConcept()) {
  const engine = judgedModel(new JudgedEngine(rules));
  const { calibration } = await calibrateConcept(concept, engine, {}, new AbortController().signal);
  return { warnings: calibrationWarnings(calibration.details), summary: strengthSummary(calibration) };
}

test('a concept that shows has no warnings', async () => {
  const { warnings, summary } = await measured(usual);
  assert.deepEqual(warnings, []);
  assert.equal(summary.weak, false);
  assert.ok((summary.max_strength ?? 0) >= 1);
});

test('a weak one says how little shows, and what to do', async () => {
  const { warnings, summary } = await measured({ ...usual, gain: (share) => usual.gain(share) / 10 });
  assert.equal(summary.weak, true);
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] ?? '', /Strength 1 shows little of the concept \((9|10) % of what/);
  assert.match(warnings[0] ?? '', /recipe "texts" with a subject, or recipe "examples" with eight pairs/);
});

test('where more is allowed, that is said first', () => {
  const weak = (max_strength: number) => calibrationWarnings({ weak: true, max_strength })[0] ?? '';
  assert.match(weak(2.34), /Strengths up to 2\.3 stay within/);
  assert.doesNotMatch(weak(1.1), /Strengths up to/);
  assert.match(weak(1.1), /More would break the text/);
});

test('a model that does not show the concept when told is said to, with what to do instead', async () => {
  const { warnings } = await measured({ ...usual, told: () => 0.01 });
  const [told = ''] = warnings;
  assert.match(told, /hardly shows this concept when it is told \(0\.01 nats per token of evidence/);
  assert.match(told, /use recipe "texts" with a subject, or recipe "examples"/);
});

test('nobody is told to use the recipe that was used', async () => {
  const told = { evidence: 0.1, identified: 0.25, follows: false };
  for (const recipe of ['texts', 'examples']) {
    const warnings = calibrationWarnings({ weak: true, told }, recipe).join(' ');
    assert.match(warnings, /hardly shows this concept .* read the samples/);
    assert.doesNotMatch(warnings, new RegExp(`use recipe "${recipe}"`));
    assert.doesNotMatch(warnings, /found by telling/);
  }
  assert.match(calibrationWarnings({ weak: true }, 'texts').join(), /or use recipe "examples"/);
});

test('nothing is said of what was not measured, nor of foreign details', async () => {
  const { warnings, summary } = await measured(usual, seaConcept({ prefix: '' }));
  assert.deepEqual(warnings, []);
  assert.equal(summary.weak, undefined);
  assert.ok((summary.max_strength ?? 0) >= 1);
  for (const details of [
    {},
    { share: 0.012, multiplier: 3 },
    { weak: 'yes', told: 5, max_strength: 'much', scores: [] },
    { told: null, weak: null },
    { told: { follows: false } },
  ]) {
    assert.deepEqual(calibrationWarnings(details), [], JSON.stringify(details));
    assert.deepEqual(strengthSummary({ details }), {});
  }
});
