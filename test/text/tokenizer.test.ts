import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadTokenizer } from '../../src/text/load-tokenizer.js';
import { leastTokens } from '../../src/text/tokenizer.js';
import { golden, modelDirectory } from './golden.js';
import { directoryWith, llama, metaspace, tinyTokenizer } from './tiny-tokenizers.js';

test('the embedded tokenizer gives the golden ids, and the texts back', async () => {
  const tokenizer = await loadTokenizer(modelDirectory);
  assert.ok(golden.tokenize.length > 0);
  for (const { text, ids } of golden.tokenize) {
    assert.deepEqual(tokenizer.encode(text, { addSpecialTokens: false }), ids);
    assert.equal(tokenizer.decode(ids, { skipSpecialTokens: false }), text);
  }
  assert.equal(tokenizer.vocabularySize, 49152);
});

test('special tokens written in a text are recognised, skipped or kept', async () => {
  const tokenizer = await loadTokenizer(modelDirectory);
  const ids = tokenizer.encode('<|im_start|>user\nhi<|im_end|>');
  const start = tokenizer.tokenId('<|im_start|>');
  const end = tokenizer.tokenId('<|im_end|>');
  assert.equal(ids.at(0), start);
  assert.equal(ids.at(-1), end);
  assert.ok(start !== undefined && tokenizer.isSpecial(start));
  assert.ok(!tokenizer.isSpecial(ids[1] ?? -1));
  assert.equal(tokenizer.decode(ids), 'user\nhi');
  assert.equal(tokenizer.decode(ids, { skipSpecialTokens: false }), '<|im_start|>user\nhi<|im_end|>');
  assert.equal(tokenizer.tokenId('no such token'), undefined);
});

test('addSpecialTokens puts the template around the text, and is on by default', async (t) => {
  for (const definition of [llama, metaspace]) {
    const tokenizer = await tinyTokenizer(t, definition);
    const plain = tokenizer.encode('ab 日', { addSpecialTokens: false });
    assert.deepEqual(tokenizer.encode('ab 日'), [1, ...plain]);
    assert.equal(tokenizer.decode([1, ...plain]), 'ab 日');
    assert.equal(
      tokenizer.decode([1, ...plain], { skipSpecialTokens: false }).replace(/^<s> ?/, ''),
      'ab 日',
    );
  }
});

test('characters outside the vocabulary survive as bytes', async (t) => {
  const tokenizer = await tinyTokenizer(t, llama);
  const text = ' ab 👩‍🚀  ça\n';
  assert.equal(tokenizer.decode(tokenizer.encode(text)), text);
});

test('decode never touches spaces, whatever the config says', async (t) => {
  const tokenizer = await tinyTokenizer(t, llama, { clean_up_tokenization_spaces: true });
  assert.equal(tokenizer.decode(tokenizer.encode('a . b')), 'a . b');
});

test('no ids and ids outside the vocabulary stand for no text', async (t) => {
  for (const tokenizer of [await loadTokenizer(modelDirectory), await tinyTokenizer(t, llama)]) {
    const a = tokenizer.encode('a', { addSpecialTokens: false });
    assert.equal(tokenizer.decode([]), '');
    assert.equal(tokenizer.decode([tokenizer.vocabularySize + 7]), '');
    assert.equal(tokenizer.decode([tokenizer.vocabularySize, ...a, -1]), 'a');
  }
});

test('a token that only the config calls special is special', async (t) => {
  const tool = '<|tool|>';
  const plain = await tinyTokenizer(t, llama);
  const id = plain.tokenId(tool) ?? -1;
  assert.ok(!plain.isSpecial(id));
  assert.equal(plain.decode([id]), tool);
  for (const config of [
    { eos_token: tool },
    { eos_token: { content: tool } },
    { additional_special_tokens: [tool] },
    { extra_special_tokens: { tool_token: tool } },
  ]) {
    const tokenizer = await tinyTokenizer(t, llama, config);
    assert.ok(tokenizer.isSpecial(id), JSON.stringify(config));
    assert.equal(tokenizer.decode([id]), '');
  }
});

test('added tokens that only the config has count and are recognised', async (t) => {
  const id = 400;
  const config = { added_tokens_decoder: { [id]: { content: '<|end|>', special: true, normalized: false } } };
  const tokenizer = await tinyTokenizer(t, llama, config);
  assert.equal(tokenizer.vocabularySize, id + 1);
  assert.equal(tokenizer.encode('a<|end|>').at(-1), id);
  assert.ok(tokenizer.isSpecial(id));
  assert.equal(tokenizer.decode([id - 1]), ''); // between the vocabulary and the added token
});

test('leastTokens is a lower bound that long texts approach', async () => {
  const tokenizer = await loadTokenizer(modelDirectory);
  for (const { text, ids } of golden.tokenize) assert.ok(leastTokens(tokenizer, text) <= ids.length);
  const spaces = ' '.repeat(5000);
  assert.ok(leastTokens(tokenizer, spaces) <= tokenizer.encode(spaces).length);
  assert.ok(leastTokens(tokenizer, 'a'.repeat(1e8)) > 100_000);
});

test('a directory without a tokenizer is refused by name', async (t) => {
  await assert.rejects(loadTokenizer(await directoryWith(t, {})), /tokenizer\.json/);
  await assert.rejects(loadTokenizer(await directoryWith(t, { 'tokenizer.json': '{' })), /tokenizer\.json/);
  await assert.rejects(loadTokenizer(await directoryWith(t, { 'tokenizer.json': '[]' })), /tokenizer\.json/);
  await assert.rejects(loadTokenizer(await directoryWith(t, { 'tokenizer.json': {} })), /tokenizer\.json/);
});
