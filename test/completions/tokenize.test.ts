/** What clients learn of a tokenizer, whichever way its files say it. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { tokenizerInfo } from '../../src/completions/tokenize.js';
import { temporaryFolder } from '../concepts/sample.js';
import { FakeEngine, fakeModel } from '../helpers/fake-engine.js';

test('special tokens are told as their text', async (t) => {
  const directory = await temporaryFolder(t);
  const added = { __type: 'AddedToken', content: '</s>', lstrip: false, special: true };
  const config = { eos_token: added, bos_token: '<s>', unk_token: null, tokenizer_class: 'LlamaTokenizer' };
  await writeFile(join(directory, 'tokenizer_config.json'), JSON.stringify(config));
  const info = await tokenizerInfo({ ...fakeModel(new FakeEngine()), directory });
  assert.deepEqual(
    [info.eos_token, info.bos_token, info.unk_token, info.tokenizer_class],
    ['</s>', '<s>', null, 'LlamaTokenizer'],
  );
});
