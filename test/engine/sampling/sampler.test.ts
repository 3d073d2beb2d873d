import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Random } from '../../../src/common/random.js';
import { greedy, type Sampling } from '../../../src/engine/protocol.js';
import { BlockTops } from '../../../src/engine/sampling/block-tops.js';
import { areFlat, BrokenLogits } from '../../../src/engine/sampling/broken-logits.js';
import { exponential } from '../../../src/engine/sampling/fast-exponential.js';
import { Sampler } from '../../../src/engine/sampling/sampler.js';
import { TokenHistory } from '../../../src/engine/sampling/token-history.js';

const plain: Sampling = { ...greedy, temperature: 1 };
const largest = (logits: Float32Array) => new BlockTops(logits.length).read(logits);
const noHistory = new TokenHistory();

/** Logits that look like a language model's: a few large ones, a long tail. */
function someLogits(count: number, seed: number, spread = 3): Float32Array {
  const random = new Random(seed);
  return Float32Array.from({ length: count }, () => spread * Math.log(1 / (1 - random.uniform())) - spread);
}

function sample(
  logits: Float32Array,
  sampling: Partial<Sampling>,
  random = new Random(1),
  history = noHistory,
  banned: readonly number[] = [],
): number {
  return new Sampler(logits.length).sample(
    logits.slice(),
    { ...plain, ...sampling },
    history,
    banned,
    random,
  );
}

function counts(logits: Float32Array, sampling: Partial<Sampling>, draws: number, seed = 5): number[] {
  const random = new Random(seed);
  const result = new Array<number>(logits.length).fill(0);
  for (let i = 0; i < draws; i++) {
    const token = sample(logits, sampling, random);
    result[token] = (result[token] ?? 0) + 1;
  }
  return result;
}

function softmax(logits: ArrayLike<number>, temperature = 1): number[] {
  const top = Math.max(...Array.from(logits));
  const weights = Array.from(logits, (logit) => Math.exp((logit - top) / temperature));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

/** The tokens that top_k, then top_p of what is left, then min_p leave, computed the slow way. */
function exactSet(logits: Float32Array, { temperature, topK, topP, minP }: Sampling): Set<number> {
  const probabilities = softmax(logits, temperature);
  const p = (token: number) => probabilities[token] ?? 0;
  let kept = [...probabilities.keys()].sort((a, b) => p(b) - p(a) || a - b);
  const best = p(kept[0] ?? 0);
  if (topK > 0) kept = kept.slice(0, topK);
  const mass = kept.reduce((sum, token) => sum + p(token), 0);
  let before = 0;
  kept = kept.filter((token) => {
    const inside = topP >= 1 || before < topP * mass;
    before += p(token);
    return inside;
  });
  return new Set(kept.filter((token) => p(token) >= minP * best));
}

describe('greedy', () => {
  test('temperature 0 takes the largest logit, the lowest id among equals', () => {
    assert.equal(sample(Float32Array.of(1, 5, 5, 2), { temperature: 0 }), 1);
    assert.equal(sample(Float32Array.of(-7, -3, -3), { temperature: 0 }), 1);
    const logits = someLogits(1000, 2);
    assert.equal(sample(logits, { temperature: 0 }), logits.indexOf(Math.max(...logits)));
  });

  test('top_k 1, a tiny top_p, min_p 1 and a tiny temperature are greedy too', () => {
    const logits = someLogits(500, 3);
    const best = largest(logits);
    const random = new Random(9);
    for (const sampling of [
      { topK: 1 },
      { topP: 1e-9 },
      { topP: 0 },
      { minP: 1 },
      { temperature: 1e-6 },
      { temperature: 1e-310 },
      { topK: 40, topP: 1e-9 },
    ])
      for (let i = 0; i < 20; i++)
        assert.equal(sample(logits, sampling, random), best, JSON.stringify(sampling));
  });

  test('what are no finite numbers is refused, wherever it stands', () => {
    for (const broken of [Number.NaN, Number.POSITIVE_INFINITY])
      for (const at of [0, 300, 599]) {
        const logits = someLogits(600, 1).fill(broken, at, at + 1);
        assert.throws(() => sample(logits, {}), BrokenLogits);
      }
    assert.throws(() => sample(new Float32Array(9).fill(Number.NEGATIVE_INFINITY), {}), BrokenLogits);
    assert.ok(areFlat(new Float32Array(500).fill(2)));
    assert.ok(!areFlat(new Float32Array(500).fill(2).fill(3, 491, 492)));
  });
});

describe('drawing', () => {
  test('the same seed draws the same tokens', () => {
    const logits = someLogits(300, 4);
    const draw = (seed: number) => {
      const random = new Random(seed);
      return Array.from({ length: 40 }, () => sample(logits, { temperature: 0.8, topP: 0.95 }, random));
    };
    assert.deepEqual(draw(11), draw(11));
    assert.notDeepEqual(draw(11), draw(12));
  });

  for (const temperature of [0.5, 1, 1.7])
    test(`frequencies are the softmax at temperature ${temperature}`, () => {
      const logits = someLogits(20, 6, 1);
      const draws = 20000;
      const expected = softmax(logits, temperature).map((p) => p * draws);
      // Chi-square with 19 degrees of freedom exceeds 60 once in a hundred thousand.
      for (const sampling of [{ temperature }, { temperature, topK: 20 }, { temperature, minP: 1e-9 }]) {
        const seen = counts(logits, sampling, draws);
        const distance = seen.reduce(
          (sum, count, i) => sum + (count - (expected[i] ?? 0)) ** 2 / (expected[i] ?? 1),
          0,
        );
        assert.ok(distance < 60, `${JSON.stringify(sampling)}: ${distance}`);
      }
    });

  test('logits of minus infinity are never drawn', () => {
    const logits = Float32Array.of(Number.NEGATIVE_INFINITY, 0, Number.NEGATIVE_INFINITY, 1);
    const seen = counts(logits, {}, 500);
    assert.equal((seen[0] ?? 0) + (seen[2] ?? 0), 0);
  });
});

describe('top_k, top_p and min_p', () => {
  test('every token drawn is in the exact set, and every likely one of it is drawn', () => {
    const random = new Random(21);
    const pick = <T>(values: readonly T[]): T => values[Math.floor(random.uniform() * values.length)] as T;
    for (let round = 0; round < 150; round++) {
      const logits = someLogits(pick([5, 12, 40]), round, pick([0.5, 2, 4]));
      const sampling: Sampling = {
        ...plain,
        temperature: pick([0.3, 1, 2]),
        topK: pick([0, 0, 2, 5, 9, 100]),
        topP: pick([1, 1, 0.95, 0.8, 0.5, 0.2]),
        minP: pick([0, 0, 0.02, 0.1, 0.4]),
      };
      const allowed = exactSet(logits, sampling);
      const draws = 400;
      const seen = counts(logits, sampling, draws, round);
      const about = JSON.stringify({ round, sampling, allowed: [...allowed], seen });
      seen.forEach((count, token) => {
        if (count > 0) assert.ok(allowed.has(token), about);
      });
      const probabilities = softmax(logits, sampling.temperature);
      const mass = [...allowed].reduce((sum, token) => sum + (probabilities[token] ?? 0), 0);
      for (const token of allowed)
        if ((probabilities[token] ?? 0) / mass > 0.06)
          assert.ok((seen[token] ?? 0) > 0, `token ${token} ${about}`);
    }
  });

  test('on a whole vocabulary too, with a flat and with a peaked distribution', () => {
    for (const spread of [0.01, 1, 6]) {
      const logits = someLogits(20000, 8, spread);
      const random = new Random(2);
      for (const truncation of [
        { topK: 50 },
        { topP: 0.9 },
        { minP: 0.1 },
        { topK: 200, topP: 0.7, minP: 0.05 },
      ]) {
        const sampling = { ...plain, ...truncation };
        const allowed = exactSet(logits, sampling);
        for (let i = 0; i < 10; i++) assert.ok(allowed.has(sample(logits, sampling, random)));
      }
    }
  });

  test('equal weights: top_k keeps the lowest ids', () => {
    const seen = counts(new Float32Array(10), { topK: 3 }, 300);
    assert.deepEqual(
      seen.flatMap((count, token) => (count > 0 ? [token] : [])),
      [0, 1, 2],
    );
  });
});

/** The same draw by sorting all tokens: which token a number from 0 to 1 stands for. */
function drawBySorting(
  logits: Float32Array,
  { temperature, topK, topP, minP }: Sampling,
  share: number,
): number {
  const top = Math.max(...logits);
  const weights = Array.from(logits, (logit) => exponential((logit - top) * (1 / temperature)));
  const weight = (token: number) => weights[token] ?? 0;
  const sumOf = (tokens: readonly number[]) => tokens.reduce((sum, token) => sum + weight(token), 0);
  let kept = [...weights.keys()].filter((token) => weight(token) > 0);
  if (topK > 0 || topP < 1) kept.sort((a, b) => weight(b) - weight(a) || a - b);
  if (topK > 0) kept = kept.slice(0, topK);
  if (topP < 1) {
    const most = topP * sumOf(kept);
    let before = 0;
    const inside = kept.filter((token) => {
      const keep = before < most;
      before += weight(token);
      return keep;
    });
    kept = inside.length > 0 ? inside : kept.slice(0, 1);
  }
  kept = kept.filter((token) => weight(token) >= minP);
  const target = share * sumOf(kept);
  let sum = 0;
  for (const token of kept) {
    sum += weight(token);
    if (sum > target) return token;
  }
  return kept.at(-1) ?? -1;
}

describe('a seed', () => {
  const shapes: Readonly<Record<string, (count: number, seed: number) => Float32Array>> = {
    'a long tail': (count, seed) => someLogits(count, seed, 2),
    'a bell': (count, seed) => {
      const random = new Random(seed);
      const bell = () => Array.from({ length: 12 }, () => random.uniform()).reduce((a, b) => a + b) - 6;
      return Float32Array.from({ length: count }, () => 3 * bell());
    },
    'nearly equal': (count, seed) => someLogits(count, seed, 1e-4),
    equal: (count) => new Float32Array(count),
    'a few heights': (count, seed) => someLogits(count, seed, 3).map(Math.round),
    'one above all': (count, seed) => someLogits(count, seed, 1).fill(90, 7, 8),
    'most barred': (count, seed) =>
      someLogits(count, seed).map((logit, token) => (token % 5 === 0 ? logit : Number.NEGATIVE_INFINITY)),
  };
  for (const [shape, make] of Object.entries(shapes))
    test(`draws the tokens that sorting all of them would draw, of ${shape}`, () => {
      const settings = [
        { temperature: 0.7, topP: 0.9 },
        { temperature: 1.2, topP: 0.95 },
        { temperature: 1.2, topP: 0.999 },
        { topP: 0 },
        { topK: 40 },
        { topK: 1000000 },
        { topK: 700, topP: 0.8 },
        { temperature: 2, topK: 50, topP: 0.95, minP: 0.02 },
        { topP: 0.97, minP: 0.3 },
        { minP: 0.05 },
        { minP: 1 },
        { temperature: 1.5 },
        { temperature: 40, topP: 0.5 },
      ];
      for (const count of [1, 3, 600, 5000])
        for (const [seed, truncation] of settings.entries()) {
          const logits = make(count, seed);
          const sampling = { ...plain, ...truncation };
          const [mine, other] = [new Random(seed), new Random(seed)];
          const sampler = new Sampler(count);
          for (let i = 0; i < 12; i++)
            assert.equal(
              sampler.sample(logits.slice(), sampling, noHistory, [], mine),
              drawBySorting(logits, sampling, other.uniform()),
              JSON.stringify({ count, truncation, draw: i }),
            );
        }
    });
});

describe('penalties and bias', () => {
  const history = new TokenHistory([2, 4, 2]);
  for (const token of [1, 2, 1, 1]) history.add(token);
  /** What a greedy sampler leaves in the logits it was given. */
  const changed = (logits: Float32Array, sampling: Partial<Sampling>, banned: readonly number[] = []) => {
    new Sampler(logits.length).sample(logits, { ...greedy, ...sampling }, history, banned, new Random(0));
    return [...logits];
  };

  test('repetition divides positive and multiplies negative logits, of prompt and answer, once', () => {
    assert.deepEqual(
      changed(Float32Array.of(8, 8, -8, 8, 8, -8), { repetitionPenalty: 2 }),
      [8, 4, -16, 8, 4, -8],
    );
  });

  test('presence counts once, frequency each time, of the answer alone', () => {
    const logits = () => new Float32Array(6);
    assert.deepEqual(changed(logits(), { presencePenalty: 1.5 }), [0, -1.5, -1.5, 0, 0, 0]);
    assert.deepEqual(changed(logits(), { frequencyPenalty: 0.5 }), [0, -1.5, -0.5, 0, 0, 0]);
    assert.deepEqual(changed(logits(), { presencePenalty: -1, frequencyPenalty: -1 }), [0, 4, 2, 0, 0, 0]);
  });

  test('logit_bias is added; -100 bans and 100 forces', () => {
    assert.deepEqual(changed(new Float32Array(3), { logitBias: [[1, 2.5]] }), [0, 2.5, 0]);
    const logits = someLogits(50, 13);
    const best = largest(logits);
    assert.equal(counts(logits, { logitBias: [[best, -100]] }, 500)[best], 0);
    assert.equal(counts(logits, { logitBias: [[7, 100]] }, 200)[7], 200);
  });

  test('banned ids are not drawn, not even as the best', () => {
    assert.equal(sample(Float32Array.of(1, 9, 2), { temperature: 0 }, new Random(1), noHistory, [1]), 2);
    const random = new Random(4);
    for (let i = 0; i < 100; i++)
      assert.notEqual(sample(Float32Array.of(1, 9, 2), {}, random, noHistory, [1]), 1);
  });
});

test('ids without a token are never sampled; numbers that are not finite are no choice', () => {
  const sampler = new Sampler(6, { end: 5, without: [1] });
  for (const temperature of [0, 1, 2]) {
    for (let seed = 0; seed < 40; seed++) {
      const logits = Float32Array.of(0, 50, 1, 2, 3, 60);
      sampler.dropUnused(logits);
      const token = sampler.sample(
        logits,
        { ...greedy, temperature },
        new TokenHistory(),
        [],
        new Random(seed),
      );
      assert.ok(![1, 5].includes(token), String(token));
    }
  }
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
    assert.throws(
      () => sampler.sample(new Float32Array(6).fill(bad), greedy, new TokenHistory(), [], new Random(1)),
      BrokenLogits,
    );
});
