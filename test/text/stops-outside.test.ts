/** Stop strings count outside of marked spans only, wherever the pieces are cut. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StopsOutside } from '../../src/text/stops-outside.js';

const marks = { open: '<call>', close: '</call>' };

function read(text: string, stops: readonly string[], size: number) {
  const matcher = new StopsOutside(stops, false, marks);
  let said = '';
  for (let at = 0; at < text.length; at += size) {
    const { text: more, stopped } = matcher.push(text.slice(at, at + size));
    said += more;
    if (stopped) return { said, found: matcher.found };
  }
  return { said: said + matcher.flush(), found: matcher.found };
}

test('inside nothing stops, outside everything does', () => {
  for (const [text, stops, said, found] of [
    ['a<call>b</call>c', ['</call>', 'b'], 'a<call>b</call>c', null],
    ['a<call>b</call>c', ['c'], 'a<call>b</call>', 'c'],
    ['ab<call>b</call>', ['b'], 'a', 'b'],
    ['<call>x', ['x'], '<call>x', null],
    ['a<cal', ['l'], 'a<ca', 'l'],
    ['<call>x</call><call>y</call>z!', ['y', '!'], '<call>x</call><call>y</call>z', '!'],
    ['a<<call>x</call>', ['<<x'], 'a<<call>x</call>', null],
  ] as const)
    for (let size = 1; size <= text.length; size++)
      assert.deepEqual(read(text, stops, size), { said, found }, `${text} in ${size}`);
});
