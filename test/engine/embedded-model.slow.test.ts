/** The embedded model (int8) through the engine: close to float32, and each stream as if it were alone. */
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import type { ActivationEdit, Sampling } from '../../src/engine/protocol.js';
import { embeddedDirectory, logprobs, spiderTerm } from '../helpers/embedded-model.js';
import { request, score, startEngine, tokens } from '../helpers/engine.js';

describe('the embedded model', async () => {
  const engine = await startEngine(embeddedDirectory, {
    slots: 8,
    threads: 2,
    capacity: 512,
    prefillChunk: 16,
  });
  after(() => engine.close());

  /** Eight steerings: other directions, other operations, one with two terms, one window, one none. */
  const steerings: readonly ActivationEdit[] = [
    [],
    [spiderTerm(2)],
    [spiderTerm(1.5, 0, 100)],
    [spiderTerm(0, -1)],
    [spiderTerm(1.2), spiderTerm(0.8, -0.5, 200)],
    [spiderTerm(0, 0.4, 300)],
    [{ ...spiderTerm(-2), from: 12 }],
    [spiderTerm(1, -1, 50)],
  ];
  const prompts = steerings.map((_, index) => logprobs.ids.slice(index, 10 + 3 * index));
  const asked = (sampling: (index: number) => Sampling) =>
    steerings.map((edit, index) =>
      request(prompts[index] ?? [], { edit, maxTokens: 16 + index, sampling: sampling(index) }),
    );

  for (const [what, edit, golden] of [
    ['unsteered', [], logprobs.unsteered],
    ['steered', [spiderTerm(2)], logprobs.steered_mean_difference_spiders_coefficient_2_layers_1_to_29],
  ] as const)
    test(`log-probabilities are within 0.15 nats of float32 on average, ${what}`, async () => {
      const scored = await score(engine, logprobs.ids, edit);
      assert.equal(scored.length, golden.length);
      const total = golden.reduce((sum, value, i) => sum + Math.abs(value - (scored[i] ?? Number.NaN)), 0);
      assert.ok(total / golden.length <= 0.15, `${total / golden.length} nats`);
    });

  test('steering moves them by more than that', async () => {
    const [plain, steered] = [
      await score(engine, logprobs.ids),
      await score(engine, logprobs.ids, [spiderTerm(2)]),
    ];
    const total = plain.reduce((sum, value, i) => sum + Math.abs(value - (steered[i] ?? 0)), 0);
    assert.ok(total / plain.length > 0.3);
  });

  test('an edit with zero coefficients is no edit, to the bit', async () => {
    assert.deepEqual(await score(engine, logprobs.ids, [spiderTerm(0)]), await score(engine, logprobs.ids));
  });

  for (const [what, sampling] of [
    ['at temperature 0', () => request([]).sampling],
    [
      'at temperature 0.8',
      (index: number) => ({ ...request([]).sampling, temperature: 0.8, seed: 100 + index }),
    ],
  ] as const)
    test(`eight streams with eight steerings each give what they give alone, ${what}`, async () => {
      const requests = asked(sampling);
      const together = await Promise.all(requests.map((one) => tokens(engine, one)));
      for (const [index, one] of requests.entries())
        assert.deepEqual(together[index], await tokens(engine, one), `stream ${index}`);
      assert.equal(
        new Set(together.map((answer) => answer.slice(0, 10).join())).size,
        8,
        'all of them differ',
      );
    });
});
