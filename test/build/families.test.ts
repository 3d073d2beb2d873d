/** A checkpoint of every family, built in float32, computes what PyTorch does; in half precision, nearly. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { built, goldens, logitsOf } from '../helpers/built-models.js';
import { request, startEngine, tokens } from '../helpers/engine.js';
import { largestDifference } from '../helpers/run-graph.js';

/** From bf16 GGUF, norms are rounded too. */
const families: readonly (readonly [name: string, tolerance: number])[] = [
  ['llama', 1e-4],
  ['qwen2', 1e-4],
  ['gemma3', 1e-4],
  ['phi3', 1e-4],
  ['mistral', 1e-4],
  ['qwen3', 1e-4],
  ['gemma2', 1e-4],
  ['olmo2', 1e-4],
  ['smollm3', 1e-4],
  ['granite', 1e-4],
  ['phi3-longrope', 1e-4],
  ['llama-yarn', 1e-4],
  ['llama-bf16.gguf', 1e-3],
];

for (const [name, tolerance] of families) {
  describe(name, async () => {
    const golden = goldens(name);
    const prompts = [golden.ids('input_ids.0'), golden.ids('input_ids.1')];
    const directory = await built(name, 'fp32');

    test('logits are those of PyTorch, windows and stretched positions included', async () => {
      for (const [row, prompt] of prompts.entries()) {
        const wanted = golden.floats(`logits.${row}`);
        const made = (await logitsOf(directory, prompt)).subarray(-wanted.length);
        const far = largestDifference(made, wanted);
        assert.ok(far < tolerance, `prompt of ${prompt.length}: ${far}`);
      }
    });

    test('the engine writes the tokens that PyTorch writes', async () => {
      const engine = await startEngine(directory, { slots: 2, capacity: 112, prefillChunk: 16 });
      try {
        const all = prompts.map((prompt, row) => {
          const wanted = golden.ids(`greedy.${row}`);
          return tokens(engine, request(prompt, { maxTokens: wanted.length }));
        });
        for (const [row, made] of (await Promise.all(all)).entries())
          assert.deepEqual(made, golden.ids(`greedy.${row}`), `row ${row}`);
      } finally {
        await engine.close();
      }
    });
  });
}
