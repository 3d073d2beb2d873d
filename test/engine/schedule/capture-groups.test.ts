import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { captureGroup, type WaitingCapture } from '../../../src/engine/schedule/capture-groups.js';

const capture = (own: number, more: Partial<WaitingCapture> = {}): WaitingCapture => ({
  prefix: [1, 2, 3],
  own,
  capacity: 128,
  positions: 4,
  attends: true,
  ...more,
});
const eight = (own = 20) => Array.from({ length: 8 }, () => capture(own));

describe('captures that are read together', () => {
  test('as many as one run takes, the first included', () => {
    assert.deepEqual(captureGroup([...eight(), ...eight()], 8), [0, 1, 2, 3, 4, 5, 6, 7]);
    assert.deepEqual(captureGroup(eight().slice(0, 6), 8), [0, 1, 2, 3, 4, 5]);
  });

  test('too few of them are faster alone', () => {
    assert.deepEqual(captureGroup(eight().slice(0, 4), 8), [0]);
    assert.deepEqual(captureGroup(eight().slice(0, 4), 4), [0, 1, 2, 3]);
    assert.deepEqual(captureGroup([], 8), [0]);
    assert.deepEqual(captureGroup(eight(), 1), [0]);
  });

  test('none whose numbers another run would change, nor any that is as fast alone', () => {
    for (const other of [
      capture(20, { prefix: [1, 2, 4] }),
      capture(20, { prefix: [1, 2] }),
      capture(20, { capacity: 256 }),
      capture(20, { positions: 5 }),
      capture(1),
      capture(65),
    ]) {
      const waiting = [...eight().slice(1), other];
      assert.deepEqual(captureGroup(waiting, 8), [0, 1, 2, 3, 4, 5, 6]);
      assert.ok(!captureGroup([other, ...eight().slice(1)], 8).includes(1));
    }
    const silent = (positions: number) => capture(20, { positions, attends: false });
    assert.equal(captureGroup([1, 9, 4, 4, 2, 6].map(silent), 8).length, 6);
  });

  test('those of like length first, and a long one does not make the others wait for padding', () => {
    const lengths = [10, 60, 12, 11, 9, 12, 11, 10, 12, 11];
    const group = captureGroup(
      lengths.map((length) => capture(length)),
      8,
    );
    assert.equal(group.length, 8);
    assert.ok(!group.includes(1));
    const few = captureGroup(
      [10, 10, 10, 10, 10, 60].map((length) => capture(length)),
      8,
    );
    assert.deepEqual([...few].sort(), [0, 1, 2, 3, 4]);
  });
});
