/** The same of other families, the rewritten and the windowed among them. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { packageRoot } from '../../src/common/package.js';
import { request, score, startEngine, steps } from '../helpers/engine.js';
import { goldensOf } from '../helpers/families.js';

for (const name of ['gemma2-genai', 'gpt2-optimum', 'phi3-genai', 'qwen3-genai'])
  test(`${name}: in 8 bits an answer is near the export's, and the same in a batch`, async () => {
    const directory = join(packageRoot, 'test/fixtures', name);
    const exact = await startEngine(directory, { slots: 4, prefillChunk: 32 });
    const int8 = await startEngine(directory, { slots: 4, prefillChunk: 32, kvCache: 'int8' });
    try {
      assert.match(int8.warnings.join('\n'), /kept in 8 bits/);
      const golden = goldensOf({ name });
      const prompts = ['input_ids.0', 'input_ids.1'].map((ids) => golden.ids(ids));
      const near = async (text: readonly number[]) => {
        const [theirs, ours] = [await score(exact, text), await score(int8, text)];
        return Math.max(...theirs.map((value, i) => Math.abs(value - (ours[i] ?? Number.NaN))));
      };
      for (const prompt of prompts) assert.ok((await near(prompt)) < 0.2, `${await near(prompt)}`);
      const asked = prompts.map((prompt) => request(prompt, { maxTokens: 8, logprobs: 0 }));
      const alone = [];
      for (const one of asked) alone.push(await steps(int8, one));
      assert.deepEqual(await Promise.all(asked.map((one) => steps(int8, one))), alone);
    } finally {
      await exact.close();
      await int8.close();
    }
  });
