/** A table of embeddings often has more rows than the tokenizer has tokens: what they would say is never sampled. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { built, goldens } from '../helpers/built-models.js';
import { request, startEngine, tokens } from '../helpers/engine.js';

test('ids without a token are never sampled from a built model, however hot', async () => {
  const directory = await built('qwen2', 'int8');
  const hasToken = { end: 40, without: [0, 1, 2, 3] };
  const engine = await startEngine(directory, { slots: 2, capacity: 112, hasToken });
  try {
    const prompt = goldens('qwen2').ids('input_ids.1');
    const hot = { ...request(prompt).sampling, temperature: 50 };
    const [best, drawn] = await Promise.all([
      tokens(engine, request(prompt, { maxTokens: 24 })),
      tokens(engine, request(prompt, { maxTokens: 90, sampling: hot })),
    ]);
    for (const token of [...best, ...drawn]) assert.ok(token >= 4 && token < 40, `${token} has no token`);
    assert.ok(new Set(drawn).size > 10);
  } finally {
    await engine.close();
  }
});
