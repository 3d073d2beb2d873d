/** Long texts are tokenised beside the thread that asks, to the same ids. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { packageRoot } from '../../src/common/package.js';
import { SteerdError } from '../../src/errors.js';
import { BackgroundEncoder } from '../../src/text/background-encoder.js';
import { loadTokenizer } from '../../src/text/load-tokenizer.js';
import { encodeText } from '../../src/text/tokenizer.js';

const directory = join(packageRoot, 'models/smollm2-135m-instruct');

test('a long text has the ids it would have here, and this thread goes on meanwhile', async () => {
  const tokenizer = await loadTokenizer(directory);
  const texts = [
    'The sea is calm. '.repeat(400),
    'qwertzuiop'.repeat(4000),
    `<|im_start|>${' '.repeat(9000)}`,
  ];
  for (const text of texts) {
    for (const addSpecialTokens of [true, false]) {
      assert.deepEqual(
        await encodeText(tokenizer, text, { addSpecialTokens }),
        tokenizer.encode(text, { addSpecialTokens }),
      );
    }
  }
  let longest = 0;
  let last = performance.now();
  const beat = setInterval(() => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }, 5);
  const started = performance.now();
  const ids = await encodeText(tokenizer, 'x'.repeat(100_000));
  const took = performance.now() - started;
  clearInterval(beat);
  assert.ok(ids.length > 1000);
  assert.ok(longest < Math.max(150, took / 3), `a beat took ${longest} ms of ${took}`);
});

test('a thread that cannot load its tokenizer says why, and too many texts are refused', async () => {
  const nowhere = new BackgroundEncoder('/nowhere');
  await assert.rejects(nowhere.encode('x', {}), /tokenizer/);
  const many = Array.from({ length: 64 }, () => nowhere.encode('x', {}).catch(() => []));
  assert.throws(() => nowhere.encode('x', {}), SteerdError);
  await Promise.all(many);
});
