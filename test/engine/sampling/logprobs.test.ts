/** Log-probabilities that come with tokens: the model's own, whatever is sampled, and no token other for them. */
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { likeliest } from '../../../src/engine/sampling/token-logprobs.js';
import { request, score, startEngine, steps } from '../../helpers/engine.js';
import { largestDifference } from '../../helpers/run-graph.js';
import { asTerms, goldenEdit } from '../../helpers/steering.js';
import { tinyModel, tinyNames } from '../../helpers/tiny-models.js';

test('the likeliest are the largest, the lowest id among equals, never NaN', () => {
  assert.deepEqual(likeliest(Float32Array.of(1, 5, Number.NaN, 5, 2), 3), [1, 3, 4]);
  assert.deepEqual(likeliest(Float32Array.of(1, 2), 5), [1, 0]);
  assert.deepEqual(likeliest(Float32Array.of(1, 2), 0), []);
});

for (const name of tinyNames)
  describe(`log-probabilities with ${name}`, async () => {
    const tiny = tinyModel(name);
    const [long, short] = tiny.prompts;
    const engine = await startEngine(tiny.directory, { slots: 4, prefillChunk: 4 });
    after(() => engine.close());
    const edit = asTerms(goldenEdit(tiny, 0));
    const hot = { ...request(long).sampling, temperature: 1.3, repetitionPenalty: 1.5, topK: 40, seed: 3 };

    test('they are what scoring the answer says, steered or not, whatever the sampling', async () => {
      for (const more of [{}, { edit }, { edit, sampling: hot }]) {
        const asked = request(long, { ...more, logprobs: 5, promptLogprobs: true });
        const made = await steps(engine, asked);
        const answer = made.map(({ token }) => token ?? -1);
        const scored = await score(engine, [...long, ...answer], asked.edit);
        const told = [...(made[0]?.promptLogprobs ?? []), ...made.map(({ logprobs }) => logprobs)];
        assert.equal(told.length, long.length - 1 + answer.length);
        const chosen = told.map((one) => one?.chosen ?? Number.NaN);
        assert.ok(largestDifference(chosen, scored) < 1e-4, `${largestDifference(chosen, scored)}`);
        assert.ok(made.slice(1).every((step) => !('promptLogprobs' in step)));
      }
    });

    test('the greedy token is the first of the top, which falls and sums to at most one', async () => {
      for (const step of await steps(engine, request(long, { logprobs: 20 }))) {
        const { chosen, top } = step.logprobs ?? assert.fail('none');
        assert.deepEqual(top[0], [step.token, chosen]);
        const values = top.map(([, logprob]) => logprob);
        assert.deepEqual(
          values,
          [...values].sort((a, b) => b - a),
        );
        assert.equal(new Set(top.map(([id]) => id)).size, 20);
        assert.ok(values.reduce((sum, value) => sum + Math.exp(value), 0) <= 1 + 1e-6);
      }
    });

    test('asking changes no token, and together they are what they are alone', async () => {
      const plain = [
        request(long, { sampling: hot, maxTokens: 20 }),
        request(short, { sampling: hot, edit, maxTokens: 16 }),
        request([...long, ...short], { maxTokens: 12 }),
      ];
      const tokens = (made: readonly { token: number | null }[]) => made.map(({ token }) => token);
      const asked = plain.map((one) => ({ ...one, logprobs: 3, promptLogprobs: true }));
      const alone = [];
      for (const [i, one] of asked.entries()) {
        const made = await steps(engine, one);
        assert.deepEqual(tokens(made), tokens(await steps(engine, plain[i] ?? one)));
        alone.push(made);
      }
      assert.deepEqual(await Promise.all(asked.map((one) => steps(engine, one))), alone);
    });

    test('more than twenty are refused', async () => {
      await assert.rejects(steps(engine, request(long, { logprobs: 21 })), /logprobs/);
    });
  });
