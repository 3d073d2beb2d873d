/** Steering that drives activations out of range ends its own request with a clear error, and disturbs nobody. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { packageRoot } from '../../src/common/package.js';
import type { ActivationEdit } from '../../src/engine/protocol.js';
import { SteeringTooStrong } from '../../src/errors.js';
import { request, score, startEngine, steps, tokens } from '../helpers/engine.js';

/** In place and float32, with layer norms, concatenated and in half precision. */
for (const name of ['llama-genai', 'gpt2-optimum', 'qwen2-genai-fp16'])
  describe(`numbers that break, with ${name}`, async () => {
    const engine = await startEngine(join(packageRoot, 'test/fixtures', name), { slots: 3, prefillChunk: 8 });
    const keeping = await startEngine(join(packageRoot, 'test/fixtures', name), {
      slots: 3,
      prefixBytes: 2 ** 24,
    });
    after(() => Promise.all([engine.close(), keeping.close()]));
    const { layers, hiddenSize } = engine.shape;
    const last = layers - 1;
    const prompt = (seed: number, length = 11) => Array.from({ length }, (_, i) => 3 + ((7 * i + seed) % 90));

    /** Adds `add` at one block to positions from `from` on. */
    const pushed = (layer: number, add: number, from = 0, scale = 0): ActivationEdit => [
      {
        vectors: new Float32Array(layers * hiddenSize).fill(1 / Math.sqrt(hiddenSize)),
        add: Float32Array.from({ length: layers }, (_, l) => (l === layer ? add : 0)),
        scale: Float32Array.from({ length: layers }, (_, l) => (l === layer ? scale : 0)),
        from,
        to: Number.POSITIVE_INFINITY,
      },
    ];
    const brokenAt = (layer: number) => (error: unknown) => {
      assert.ok(error instanceof SteeringTooStrong, String(error));
      assert.equal(error.layer, layer);
      assert.equal(error.code, 'steering_too_strong');
      return true;
    };

    test('an overflow in the prompt names the block where it began', async () => {
      for (const layer of [0, 1, last])
        for (const add of [1e30, 3e38])
          await assert.rejects(
            tokens(engine, request(prompt(1), { edit: pushed(layer, add) })),
            brokenAt(layer),
          );
      await assert.rejects(score(engine, prompt(1), pushed(1, 1e30)), brokenAt(1));
    });

    test('asked again it is told again, though beginnings of prompts are kept', async () => {
      for (const [length, layer, add] of [11, 45].flatMap((length) =>
        [0, last].flatMap((layer) => [1e20, 1e30, 3e38].map((add) => [length, layer, add] as const)),
      )) {
        const asked = request(prompt(8, length), { edit: pushed(layer, add) });
        for (let again = 0; again < 3; again++) await assert.rejects(tokens(keeping, asked), brokenAt(layer));
        const both = [tokens(keeping, asked), tokens(keeping, asked)];
        await Promise.all(both.map((one) => assert.rejects(one, brokenAt(layer))));
      }
    });

    test('so does one that begins in the answer, after the tokens before it', async () => {
      const asked = prompt(2);
      const whole = await steps(engine, request(asked));
      for (const layer of [0, last]) {
        const made: unknown[] = [];
        const edit = pushed(layer, 3e38, asked.length + 3);
        await assert.rejects(async () => {
          for await (const { timing: _, ...step } of engine.generate(request(asked, { edit })))
            made.push(step);
        }, brokenAt(layer));
        assert.deepEqual(made, whole.slice(0, 4));
      }
    });

    test('neighbours and the next user of the slot do not notice, to the bit', async () => {
      const quiet = [3, 4].map((seed) => request(prompt(seed), { maxTokens: 24, logprobs: 5 }));
      const next = request(prompt(5, 5), { maxTokens: 20, logprobs: 5 });
      const alone = [await steps(engine, quiet[0] ?? next), await steps(engine, quiet[1] ?? next)];
      const nextAlone = await steps(engine, next);
      for (const from of [0, 13, 20]) {
        const breaking = assert.rejects(
          tokens(engine, request(prompt(6), { maxTokens: 24, edit: pushed(1, 3e38, from) })),
          SteeringTooStrong,
        );
        const beside = quiet.map((one) => steps(engine, one));
        await breaking;
        const after = steps(engine, next);
        assert.deepEqual(await Promise.all(beside), alone, `neighbours, from ${from}`);
        assert.deepEqual(await after, nextAlone, `next, from ${from}`);
      }
    });

    test('what is large but in range is answered', async () => {
      const edit = pushed(last, name.endsWith('fp16') ? 1e3 : 1e12);
      assert.equal((await tokens(engine, request(prompt(7), { edit }))).length, 12);
    });
  });
