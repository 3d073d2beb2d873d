/** Where an edit does not act: between marks, however the tokens split them, and never before the answer. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { QuietSpans } from '../../../src/engine/protocol.js';
import { QuietWatch, quietEdit } from '../../../src/engine/schedule/quiet-spans.js';

const tokens = Array.from({ length: 128 }, (_, id) => String.fromCharCode(id));

/** For each character whether the edit is quiet at the position after it. */
function quietAfter(spans: QuietSpans, text: string): string {
  const watch = new QuietWatch(spans, tokens);
  return [...text]
    .map((character) => {
      watch.push(character.charCodeAt(0));
      return watch.quiet ? '-' : 's';
    })
    .join('');
}

test('an edit is quiet from the end of one mark to the end of the other', () => {
  const spans = { fromStart: false, opens: ['<c>'], closes: ['</c>'] };
  assert.equal(quietAfter(spans, 'a<c>bc</c>d<c>e'), 'sss------ss' + 'ss--');
  assert.equal(quietAfter({ ...spans, fromStart: true }, 'ab</c>d'), '-----ss');
  assert.equal(quietAfter({ ...spans, closes: [] }, '<c></c>'), 'ss-----');
  const long = new QuietWatch(spans, ['x<c>y</c>z', '<c>']);
  long.push(0);
  assert.equal(long.quiet, false);
  long.push(1);
  assert.equal(long.quiet, true);
});

test('a quiet edit acts before the answer as it did, and is one object', () => {
  const watch = new QuietWatch({ fromStart: true, opens: [], closes: ['x'] }, ['x']);
  const term = {
    vectors: new Float32Array(1),
    add: new Float32Array(1),
    scale: new Float32Array(1),
    from: 2,
    to: Number.POSITIVE_INFINITY,
  };
  const [quiet] = quietEdit([term, { ...term, to: 3 }], watch, 5);
  assert.ok(quiet);
  assert.deepEqual([quiet.from, quiet.to], [2, 5]);
  watch.push(0);
  assert.deepEqual([quiet.from, quiet.to], [2, Number.POSITIVE_INFINITY]);
});
