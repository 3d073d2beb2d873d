import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadTokenizer } from '../../src/text/load-tokenizer.js';
import { loadStopTokens } from '../../src/text/stop-tokens.js';
import { modelDirectory } from './golden.js';
import { directoryWith, llama, tinyTokenizer } from './tiny-tokenizers.js';

test("the embedded model stops at the end of the assistant's turn", async () => {
  const tokenizer = await loadTokenizer(modelDirectory);
  assert.deepEqual(await loadStopTokens(modelDirectory, tokenizer), [tokenizer.tokenId('<|im_end|>')]);
});

test('every file counts, numbers and lists alike, each id once', async (t) => {
  const tokenizer = await tinyTokenizer(t, llama);
  const stopTokens = async (files: Record<string, unknown>) =>
    (await loadStopTokens(await directoryWith(t, files), tokenizer)).sort((a, b) => a - b);
  const all = {
    'generation_config.json': { eos_token_id: [7, 8] },
    'genai_config.json': { model: { eos_token_id: [8, 9] } },
    'config.json': { eos_token_id: 5 },
    'tokenizer_config.json': { eos_token: '</s>' },
  };
  assert.deepEqual(await stopTokens(all), [2, 5, 7, 8, 9]);
  for (const [name, expected] of [
    ['generation_config.json', [7, 8]],
    ['genai_config.json', [8, 9]],
    ['config.json', [5]],
    ['tokenizer_config.json', [2]],
  ] as const) {
    assert.deepEqual(await stopTokens({ [name]: all[name] }), expected);
  }
  assert.deepEqual(await stopTokens({ 'genai_config.json': { model: { eos_token_id: 0 } } }), [0]);
  assert.deepEqual(await stopTokens({ 'config.json': { eos_token_id: null } }), []);
  assert.deepEqual(await stopTokens({ 'tokenizer_config.json': { eos_token: 'no such token' } }), []);
  assert.deepEqual(await stopTokens({}), []);
});
