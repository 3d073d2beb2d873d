/** Moving a row, in both kinds of cache: a text goes on in its new row as it would have in the old one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { goldensOf } from '../../helpers/families.js';
import { openRunner } from '../../helpers/fixed-runner.js';

for (const { name, layout } of [
  { name: 'llama-genai', layout: 'in place' },
  { name: 'mistral-optimum', layout: 'concatenated' },
])
  test(`${layout}: what a row held is in the other row, and the rows between are as they were`, async () => {
    const golden = goldensOf({ name });
    const { cache, runner, release } = await openRunner(golden.directory, false);
    try {
      assert.equal(cache.layout, layout);
      const texts = [0, 1, 0].map((row) => golden.ids(`input_ids.${row}`));
      const next = [3, 4];
      const fill = () => {
        for (const [row, text] of texts.entries()) runner.chunk(row, text, 0, [], 0);
      };
      const goOn = (row: number, length: number) => runner.chunk(row, next, length, [], 2).logits.slice();
      const [, middle = [], last = []] = texts;
      fill();
      const expected = [goOn(2, last.length), goOn(1, middle.length)];
      fill();
      cache.moveRow(2, 0, last.length);
      // The row that was left is free for another text.
      runner.chunk(2, middle, 0, [], 0);
      assert.deepEqual(
        [goOn(0, last.length), goOn(1, middle.length), goOn(2, middle.length)],
        [...expected, expected[1]],
      );
    } finally {
      release();
    }
  });
