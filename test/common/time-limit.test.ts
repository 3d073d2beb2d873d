/** Work that takes for ever ends in its time, and what is computed afterwards is not harmed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withinTime } from '../../src/common/time-limit.js';

test('the result, what is thrown, or null when the time is over', () => {
  assert.deepEqual(
    withinTime(() => 3, 1000),
    { result: 3 },
  );
  assert.throws(
    () =>
      withinTime(() => {
        throw new RangeError('no');
      }, 1000),
    RangeError,
  );
  const endless = /^(a+)+$/;
  for (const work of [() => endless.test(`${'a'.repeat(60)}b`), () => loop()]) {
    assert.equal(withinTime(work, 50), null);
    assert.deepEqual(
      withinTime(() => endless.test('aa'), 1000),
      { result: true },
    );
  }
});

function loop(): never {
  for (;;);
}
