/** What a map that forgets holds, and in which order it forgets. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RecentMap } from '../../src/common/recent-map.js';

test('what was asked for longest ago goes first', () => {
  const map = new RecentMap<number>(3);
  for (const [i, key] of ['a', 'b', 'c'].entries()) map.set(key, i, 1);
  assert.equal(map.get('a'), 0);
  map.set('d', 3, 1);
  assert.deepEqual(
    ['a', 'b', 'c', 'd'].map((key) => map.get(key)),
    [0, undefined, 2, 3],
  );
});

test('sizes count, and what is set again counts once', () => {
  const map = new RecentMap<string>(10);
  map.set('a', 'first', 6);
  map.set('a', 'second', 4);
  map.set('b', 'b', 6);
  assert.deepEqual([map.get('a'), map.get('b'), map.size], ['second', 'b', 2]);
  map.set('c', 'c', 7);
  assert.deepEqual([map.get('a'), map.get('b'), map.get('c')], [undefined, undefined, 'c']);
  map.set('huge', 'huge', 11);
  assert.equal(map.size, 0, 'more than all that may be held');
});
