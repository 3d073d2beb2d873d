/** The queue of constraints to be tried: it is bounded, and whoever leaves makes room. */
import assert from 'node:assert/strict';
import { setMaxListeners } from 'node:events';
import { after, test } from 'node:test';
import { ConstraintCheck } from '../../../src/engine/grammar/constraint-check.js';
import type { ConstraintSource } from '../../../src/engine/protocol.js';
import { SteerdError } from '../../../src/errors.js';

const tokens = ['', '', ...'abcdefghijklmnopqrstuvwxyz0123456789'];
const check = new ConstraintCheck({ vocabulary: { tokens, endTokens: [0] }, size: tokens.length });
after(() => check.close());
const source = (i: number): ConstraintSource => ({ kind: 'grammar', source: `root ::= "a${i}"` });
const codeOf = (error: unknown) => (error instanceof SteerdError ? error.code : String(error));

test('few sources wait, one more is refused, and those whose clients leave are not tried', async () => {
  const leaving = new AbortController();
  setMaxListeners(0, leaving.signal);
  const outcome = (i: number, signal?: AbortSignal) =>
    check.check(source(i), 'structured_outputs', signal).then(() => 'good', codeOf);
  // The thread starts now, so all of these are asked before the first is done.
  const first = outcome(0);
  await Promise.resolve();
  const waiting = Array.from({ length: 32 }, (_, i) => outcome(i + 1, leaving.signal));
  assert.equal(await outcome(99), 'queue_full');
  const again = outcome(32);
  leaving.abort(new Error('left'));
  assert.deepEqual([...new Set(await Promise.all(waiting))], ['Error: left'], 'at once');
  assert.deepEqual([await first, await again], ['good', 'good'], 'one of them has another who waits');
  assert.equal(await outcome(99), 'good', 'there is room again');
  assert.equal(await outcome(7), 'good', 'what nobody waited for is tried when it is asked again');
});
