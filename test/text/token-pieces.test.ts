import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadTokenizer } from '../../src/text/load-tokenizer.js';
import { tokenPieces } from '../../src/text/token-pieces.js';
import { modelDirectory } from './golden.js';

test('pieces add up to the text, special tokens included, one for each token', async () => {
  const tokenizer = await loadTokenizer(modelDirectory);
  for (const text of [
    '<|im_start|>user\nTwo 🦜🦜 for 日本, said the woman<|im_end|>\n<|im_start|>assistant\n',
    ' leading  spaces',
    '',
  ]) {
    const tokens = tokenizer.encode(text, { addSpecialTokens: false });
    const pieces = tokenPieces(tokenizer, tokens);
    assert.equal(pieces.length, tokens.length);
    assert.equal(pieces.join(''), text);
  }
  const parrot = tokenizer.encode('🦜', { addSpecialTokens: false });
  assert.ok(parrot.length > 1);
  assert.deepEqual(tokenPieces(tokenizer, parrot).slice(0, -1), new Array(parrot.length - 1).fill(''));
  assert.equal(tokenPieces(tokenizer, parrot.slice(0, 1)).join(''), '\ufffd');
});
