/** Many requests at once, short and long, some of which leave: each gets what it gets alone, to the bit. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { packageRoot } from '../../src/common/package.js';
import { Random } from '../../src/common/random.js';
import { greedy } from '../../src/engine/protocol.js';
import { request, startEngine, steps } from '../helpers/engine.js';
import { goldensOf } from '../helpers/families.js';

for (const name of ['llama-genai', 'gpt2-optimum', 'phi3-genai', 'qwen2-genai-fp16'])
  describe(`requests that come together, with ${name}`, async () => {
    const directory = join(packageRoot, 'test/fixtures', name);
    // Their heads are so small that blocks of rows have 32 (chunks.ts).
    const engine = await startEngine(directory, { slots: 6, prefillChunk: 32, queue: 100 });
    after(() => engine.close());
    const golden = goldensOf({ name });
    const random = new Random(5);
    const upTo = (count: number) => Math.floor(random.uniform() * count);
    const asked = Array.from({ length: 40 }, (_, i) => {
      const length = [2 + upTo(6), 8 + upTo(8), 60 + upTo(6), 100 + upTo(40)][upTo(4)] ?? 2;
      const prompt = Array.from({ length: Math.min(length, engine.shape.capacity - 30) }, () => 3 + upTo(90));
      return request(prompt, {
        maxTokens: 3 + upTo(20),
        logprobs: 3,
        sampling: { ...greedy, temperature: upTo(2), topP: 0.9, seed: i },
        edit: upTo(2) === 0 ? [] : golden.edit(upTo(2), upTo(2)),
        priority: upTo(4) === 0 ? 'background' : 'interactive',
        ...(upTo(4) === 0 && { monitor: golden.edit(0).map(({ vectors }) => vectors) }),
        ...(upTo(8) === 0 && { promptLogprobs: true }),
      });
    });

    test('each is answered as alone', async () => {
      const alone = [];
      for (const one of asked) alone.push(await steps(engine, one));
      for (const size of [2, 7, 40])
        for (let from = 0; from < asked.length; from += size) {
          const leaving = new AbortController();
          const left = steps(engine, request(asked[0]?.prompt ?? [], { maxTokens: 20 }), leaving.signal);
          const together = asked.slice(from, from + size).map((one) => steps(engine, one));
          const [first] = await Promise.all([
            together[0],
            new Promise((resolve) => setTimeout(resolve, upTo(15))),
          ]);
          leaving.abort(new Error('it left'));
          await left.catch(() => {});
          assert.deepEqual(
            await Promise.all(together),
            alone.slice(from, from + size),
            `${size} from ${from}`,
          );
          assert.ok(first);
        }
    });
  });
