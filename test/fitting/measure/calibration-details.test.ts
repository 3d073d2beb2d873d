/** What a calibration keeps: enough that anyone can compute it again, and true to what was measured. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { calibrateConcept } from '../../../src/fitting/measure/calibrate.js';
import { scoresOf } from '../../../src/fitting/measure/steering-scores.js';
import { shareInterval } from '../../../src/fitting/measure/strength-curve.js';
import { noise } from '../fake-model.js';
import { JudgedEngine, judgedModel, prefix, type Rules, rulesAround, seaConcept } from './judged-model.js';
import { recomputed } from './recomputed.js';

const signal = new AbortController().signal;
const detailsOf = async (
  rules: Rules,
  settings: Parameters<typeof calibrateConcept>[2] = {},
  concept = seaConcept(),
) =>
  (await calibrateConcept(concept, judgedModel(new JudgedEngine(rules)), settings, signal)).calibration
    .details;

/** Answers that differ by more than the share, so that means are means. */
function noisy(peak: number): Rules {
  const { gain, loss } = rulesAround(peak);
  const wobble = (share: number) => 0.2 * noise(Math.round(share * 1e6));
  return {
    gain: (share) => (share === 0 ? 0 : gain(share) + wobble(share)),
    loss,
    relevance: (share) => 1 - 5 * Math.max(0, share),
  };
}

interface Details {
  readonly share: number;
  readonly share_interval: readonly [number, number];
  readonly max_strength: number;
  readonly weak?: boolean;
  readonly told: { readonly evidence: number; readonly identified: number; readonly follows: boolean } | null;
  readonly scores: { readonly concept: number | null; readonly harmonic: number };
  readonly curve: readonly Readonly<Record<string, number>>[];
  readonly samples: readonly {
    readonly question: string;
    readonly plain: string;
    readonly steered: string;
  }[];
  readonly answers: { readonly columns: readonly string[]; readonly plain: readonly (readonly unknown[])[] };
}
const seen = (details: unknown) => details as Details;

test('strength 1 and the largest strength can be computed again from the answers kept', async () => {
  for (const rules of [rulesAround(0.004), rulesAround(0.012), noisy(0.015), rulesAround(0.06)])
    for (const settings of [{}, { bound: { divergence: 0.2 } }]) {
      const details = await detailsOf(rules, settings);
      const { one, most, reference, steered } = recomputed(JSON.parse(JSON.stringify(details)));
      const { share, max_strength, share_interval } = seen(details);
      // Values are kept to four digits, and the best is looked for on a grid of steps below 1 %.
      assert.ok(Math.abs(one / share - 1) < 0.01, `${one} is not ${share}`);
      assert.ok(Math.abs(most / one / max_strength - 1) < 0.02, `${most / one} is not ${max_strength}`);
      const interval = await shareInterval(steered, reference, 0, new AbortController().signal);
      for (const [i, end] of interval.entries())
        assert.ok(Math.abs(end / (share_interval[i] ?? 0) - 1) < 0.02, `${interval} ${share_interval}`);
    }
});

test('so can every score of the curve', async () => {
  const details = await detailsOf(noisy(0.012));
  const { reference, steered } = recomputed(details);
  const { curve } = seen(details);
  assert.equal(curve.length, steered.length);
  for (const [i, { answers, share }] of steered.entries()) {
    const point = curve[i] as Readonly<Record<string, number>>;
    const scores = scoresOf(answers, reference);
    assert.equal(point.share, share);
    for (const name of ['concept', 'fluency', 'instruction', 'harmonic'] as const)
      assert.ok(Math.abs((scores[name] ?? 9) - (point[name] ?? -9)) < 2e-3, `${name} at ${share}`);
  }
});

test('every answer has a row, and every row a value for each column', async () => {
  const { answers } = seen(await detailsOf(rulesAround(0.012), { questions: ['One?', 'Two?', 'Three?'] }));
  const { columns, ...sides } = answers as unknown as Record<string, unknown[][]>;
  assert.equal(sides.plain?.length, 6);
  assert.equal(sides.told?.length, 6);
  assert.equal((sides.steered?.length ?? 0) % 6, 0);
  assert.equal(sides.told_and_steered?.length, 3 * 3, 'greedy, at three shares');
  for (const row of Object.values(sides).flat()) {
    assert.equal(row.length, columns?.length);
    assert.ok(row.every((value) => typeof value === 'number' && Number.isFinite(value)));
  }
});

test('weak is a concept that strength 1 hardly shows; a model that does not follow is said to', async () => {
  const usual = seen(await detailsOf(rulesAround(0.012)));
  assert.deepEqual([usual.weak, usual.told?.follows, usual.told?.identified], [false, true, 1]);
  assert.ok(Math.abs((usual.told?.evidence ?? 0) - 1) < 1e-3);
  assert.ok((usual.scores.concept ?? 0) > 0.7 && usual.scores.harmonic > 0.7);
  const faint = rulesAround(0.012);
  const weak = seen(await detailsOf({ ...faint, gain: (share) => faint.gain(share) / 10 }));
  assert.equal(weak.weak, true);
  assert.ok((weak.scores.concept ?? 1) < 0.25);
  const deaf = seen(await detailsOf({ ...rulesAround(0.012), told: () => 0.01 }));
  assert.equal(deaf.told?.follows, false);
});

test('a concept that nothing states has no told side, no suppression and no word on weakness', async () => {
  const details = await detailsOf(rulesAround(0.012), {}, seaConcept({ prefix: '' }));
  const { told, scores, weak, samples } = seen(details);
  assert.deepEqual(
    [told, scores.concept, weak, details.suppression, details.prefix],
    [null, null, undefined, null, ''],
  );
  assert.equal(samples.length, 2);
  assert.ok(Math.abs(recomputed(details).one / seen(details).share - 1) < 0.01);
});

test('samples are the answers themselves, plain and steered; what was asked is kept', async () => {
  const questions = ['One?', 'Two?', 'Three?'];
  const details = await detailsOf(rulesAround(0.012), { questions, maxTokens: 9, others: ['Be a fish.'] });
  const { samples } = seen(details);
  assert.deepEqual(
    samples.map(({ question }) => question),
    questions.slice(0, 2),
  );
  for (const { plain, steered } of samples) {
    assert.equal([...plain].length, 9);
    assert.notEqual(plain, steered);
  }
  assert.deepEqual(
    [details.questions, details.max_tokens, details.prefix, details.decoys, details.prefix_role],
    [questions, 9, prefix, ['Be a fish.'], 'system'],
  );
  assert.ok(JSON.stringify(details).length < 40_000);
});
