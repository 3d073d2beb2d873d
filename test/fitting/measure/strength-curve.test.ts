/** From scores at a few shares to strength 1, its interval and the largest strength. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { at } from '../../../src/fitting/measure/sigmoid.js';
import type { ReferenceAnswers } from '../../../src/fitting/measure/steering-scores.js';
import {
  bestShare,
  harmonicAt,
  largestShare,
  onsetShare,
  peakShare,
  type Steered,
  shareInterval,
  strengthCurve,
  usualBound,
} from '../../../src/fitting/measure/strength-curve.js';
import { seededRandom } from '../../concepts/sample.js';
import { judgedAnswers } from './answers.js';

const questions = 12;
const shares = [0.005, 0.009, 0.016, 0.028];

interface True {
  readonly concept: (share: number) => number;
  readonly fluency: (share: number) => number;
  readonly noise?: number;
  readonly seed?: number;
}
/** The three scores are best together a little below 0.013. */
const usual: True = {
  concept: (share) => 1 / (1 + (0.008 / share) ** 3),
  fluency: (share) => 1 / (1 + (share / 0.022) ** 4),
};

function measured({ concept, fluency, noise = 0, seed = 1 }: True, at = shares) {
  const random = seededRandom(seed);
  const wobble = () => noise * (random() - 0.5);
  const answers = (evidence: number, nats: number) =>
    judgedAnswers(questions, () => ({
      evidence: evidence + wobble(),
      logProbability: -1 - nats + wobble(),
      relevance: 1 + wobble(),
    }));
  const reference: ReferenceAnswers = { plain: answers(0, 0), told: answers(1, 0) };
  const steered = at.map(
    (share): Steered => ({
      share,
      answers: answers(concept(share), -Math.log2(fluency(share))),
      divergence: 40 * share,
    }),
  );
  const curve = strengthCurve(steered, reference);
  return { reference, steered, curve, one: bestShare(curve, at) };
}

test('strength 1 lies two thirds up the range in which the true scores are good together', () => {
  for (const factor of [0.5, 1, 2]) {
    const { one } = measured(
      {
        concept: (share) => usual.concept(share / factor),
        fluency: (share) => usual.fluency(share / factor),
      },
      shares.map((share) => share * factor),
    );
    const value = (share: number) => 3 / (1 / usual.concept(share) + 1 / usual.fluency(share) + 1);
    const grid = Array.from({ length: 400 }, (_, i) => 0.004 * 8 ** (i / 399));
    const most = Math.max(...grid.map(value));
    const good = grid.filter((share) => value(share) >= 0.75 * most);
    const best = (good[0] as number) ** (1 / 3) * (good.at(-1) as number) ** (2 / 3);
    assert.ok(Math.abs(Math.log(one / factor / best)) < Math.log(1.12), `${one / factor}, ${best}`);
  }
});

test('where the scores are best together lies inside the range of strength 1, at an end where they still rise', () => {
  const { curve, one } = measured(usual);
  const peak = peakShare(curve, shares);
  for (const share of [0.006, 0.01, one, 0.02])
    assert.ok(harmonicAt(curve, share) <= harmonicAt(curve, peak) + 1e-9, `${share}`);
  assert.ok(harmonicAt(curve, one) >= 0.75 * harmonicAt(curve, peak));
  const rising = measured({ concept: (share) => 10 * share, fluency: () => 1 });
  assert.ok(peakShare(rising.curve, shares) > 0.028);
});

test('two halves of noisy questions agree on strength 1 better than on where the scores are best', () => {
  const spread = (where: (of: ReturnType<typeof measured>) => number) => {
    const logs = Array.from({ length: 24 }, (_, seed) =>
      Math.log(where(measured({ ...usual, noise: 2, seed: seed + 1 }))),
    );
    const middle = logs.reduce((sum, x) => sum + x, 0) / logs.length;
    return Math.sqrt(logs.reduce((sum, x) => sum + (x - middle) ** 2, 0) / logs.length);
  };
  const [one, peak] = [spread((of) => of.one), spread((of) => peakShare(of.curve, shares))];
  assert.ok(one < 0.8 * peak, `${one} ${peak}`);
});

test('strength 1 lies among the shares measured, or hardly beyond', () => {
  for (const seed of [1, 2, 3, 4, 5]) {
    const { one } = measured({ ...usual, noise: 2, seed });
    assert.ok(one >= 0.005 / 1.16 && one <= 0.028 * 1.16, `${one}`);
  }
  const rising = measured({ concept: (share) => share, fluency: () => 1 });
  assert.ok(rising.one > 0.016, 'as far as was measured');
  const nothing = measured({ concept: () => 0, fluency: () => 1 });
  assert.ok(nothing.one < 0.006, 'where nothing shows, the least');
});

test('the order of the shares is nothing', () => {
  const { steered, reference, one } = measured({ ...usual, noise: 0.5 });
  const again = [...steered].reverse();
  const back = bestShare(
    strengthCurve(again, reference),
    again.map(({ share }) => share),
  );
  assert.ok(Math.abs(back / one - 1) < 1e-9);
});

test('the interval is around strength 1, the same for the same seed, and narrower with less noise', async () => {
  const { signal } = new AbortController();
  const widths: number[] = [];
  for (const noise of [0.2, 1.5]) {
    let width = 0;
    for (const seed of [1, 2, 3]) {
      const { steered, reference, one } = measured({ ...usual, noise, seed });
      const [low, high] = await shareInterval(steered, reference, 7, signal);
      assert.ok(low <= one && one <= high, `${low} ${one} ${high}`);
      assert.deepEqual(await shareInterval(steered, reference, 7, signal), [low, high]);
      width += Math.log(high / low);
    }
    widths.push(width);
  }
  assert.ok((widths[0] ?? 9) < (widths[1] ?? 0) / 1.5, `${widths}`);
});

test('the interval leaves turns to others, and ends when it is cancelled', async () => {
  const { steered, reference } = measured({ ...usual, noise: 0.5 });
  const stop = new AbortController();
  setImmediate(() => stop.abort(new Error('enough')));
  await assert.rejects(shareInterval(steered, reference, 7, stop.signal), /enough/);
});

test('the largest strength keeps its bounds, and is never below 1', () => {
  const { steered, curve, one } = measured(usual);
  const most = (bound: object) => largestShare(curve, steered, { ...usualBound, ...bound }, one);
  assert.ok(most({}) >= one);
  assert.ok(Math.abs(most({}) / 0.022 - 1) < 0.06, 'fluency is a half at 0.022');
  assert.ok(at(curve.fluency, most({})) >= 0.5);
  assert.equal(most({ fluency: 0.999 }), one);
  assert.ok(most({ fluency: 0.7 }) < most({}) && most({ fluency: 0.3 }) > most({}));
  // 40 nats a share, between the shares as well.
  assert.ok(Math.abs(most({ divergence: 0.75 }) / (0.75 / 40) - 1) < 0.02);
  assert.equal(most({ divergence: 0 }), one);
  const unmeasured = steered.map((point) => ({ ...point, divergence: null }));
  assert.equal(largestShare(curve, unmeasured, { ...usualBound, divergence: 0 }, one), most({}));
});

test('where evidence jumps the onset is found, and strength 1 is beyond it', () => {
  const { curve, one } = measured({ ...usual, concept: (share) => (share > 0.012 ? 1 : 0) });
  const onset = onsetShare(curve, shares) ?? 0;
  assert.ok(onset > 0.009 && onset <= 0.016, `${onset}`);
  assert.ok(one >= onset);
  assert.equal(onsetShare(measured({ ...usual, concept: () => 0.1 }).curve, shares), null);
});

test('evidence that falls with the text is no part of how the concept sets in', () => {
  const falling = measured({
    concept: (share) => (share > 0.02 ? 0 : usual.concept(share)),
    fluency: (share) => (share > 0.02 ? 0.05 : usual.fluency(share)),
  });
  assert.ok(Math.abs(Math.log(falling.one / measured(usual).one)) < Math.log(1.2), `${falling.one}`);
});

test('without a statement strength 1 is the strongest that keeps the text', () => {
  const { steered, reference } = measured(usual);
  const unstated = <T extends { evidence: number | null }>(answers: readonly T[]) =>
    answers.map((answer) => ({ ...answer, evidence: null, identified: null }));
  const points = steered.map((point) => ({ ...point, answers: unstated(point.answers) }));
  const curve = strengthCurve(points, { plain: unstated(reference.plain), told: [] });
  assert.equal(curve.concept, null);
  assert.equal(onsetShare(curve, shares), null);
  const one = bestShare(curve, shares);
  assert.ok(harmonicAt(curve, one) >= 0.8 && harmonicAt(curve, one * 1.05) < 0.8);
});
