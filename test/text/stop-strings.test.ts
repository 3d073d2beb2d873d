import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SteerdError } from '../../src/errors.js';
import { StopStringMatcher } from '../../src/text/stop-strings.js';
import { randomIntegers } from './tiny-tokenizers.js';

/** What the matcher says about a text given in pieces. */
function run(stops: readonly string[], parts: readonly string[]): { text: string; stopped: boolean } {
  const matcher = new StopStringMatcher(stops);
  let text = '';
  for (const part of parts) {
    const result = matcher.push(part);
    text += result.text;
    if (result.stopped) return { text, stopped: true };
  }
  return { text: text + matcher.flush(), stopped: false };
}

/** The definition: cut before the stop string that ends first, the longest of those. */
function expected(stops: readonly string[], text: string): { text: string; stopped: boolean } {
  for (let end = 1; end <= text.length; end++) {
    const ending = stops.filter((stop) => text.slice(0, end).endsWith(stop));
    if (ending.length > 0) {
      const longest = Math.max(...ending.map((stop) => stop.length));
      return { text: text.slice(0, end - longest), stopped: true };
    }
  }
  return { text, stopped: false };
}

test('finds a stop string inside a piece, across pieces, and behind an overlapping prefix', () => {
  assert.deepEqual(run(['END'], ['one END two']), { text: 'one ', stopped: true });
  assert.deepEqual(run(['END'], ['one E', 'N', 'D two']), { text: 'one ', stopped: true });
  assert.deepEqual(run(['aab'], ['aaab']), { text: 'a', stopped: true });
  assert.deepEqual(run(['aab'], ['a', 'a', 'a', 'b']), { text: 'a', stopped: true });
  assert.deepEqual(run(['abab', 'ba'], ['a', 'b', 'a']), { text: 'a', stopped: true });
  assert.deepEqual(run(['b', 'ab'], ['xab']), { text: 'x', stopped: true });
  assert.deepEqual(run(['🙂'], ['a🙂b']), { text: 'a', stopped: true });
});

test('holds back only what may begin a stop string, and gives it out when it does not', () => {
  const matcher = new StopStringMatcher(['\n\nUser:']);
  assert.deepEqual(matcher.push('hi\n'), { text: 'hi', stopped: false });
  assert.deepEqual(matcher.push('there\n\nUs'), { text: '\nthere', stopped: false });
  assert.equal(matcher.flush(), '\n\nUs');
  assert.equal(matcher.flush(), '');
});

test('after a stop nothing more comes', () => {
  const matcher = new StopStringMatcher(['.']);
  assert.deepEqual(matcher.push('a.b'), { text: 'a', stopped: true });
  assert.deepEqual(matcher.push('c'), { text: '', stopped: true });
  assert.equal(matcher.flush(), '');
});

test('without stop strings all text passes at once', () => {
  assert.deepEqual(new StopStringMatcher([]).push('text'), { text: 'text', stopped: false });
});

test('an empty stop string is refused', () => {
  assert.throws(
    () => new StopStringMatcher(['a', '']),
    (error) => error instanceof SteerdError && error.code === 'invalid_value' && error.param === 'stop',
  );
});

test('any stops, any text, any cuts: as defined', () => {
  const random = randomIntegers(3);
  const word = (length: number) => Array.from({ length }, () => 'ab c'[random(3)]).join('');
  for (let round = 0; round < 3000; round++) {
    const stops = Array.from({ length: random(4) }, () => word(1 + random(5)));
    const text = word(random(14));
    const parts: string[] = [];
    for (let from = 0; from < text.length; ) {
      const to = from + random(4);
      parts.push(text.slice(from, to));
      from = to;
    }
    assert.deepEqual(run(stops, parts), expected(stops, text), JSON.stringify({ stops, parts }));
  }
});

test('what is pushed out early is never more than a later stop allows', () => {
  const stops = ['abcabd'];
  const matcher = new StopStringMatcher(stops);
  let given = '';
  for (const unit of 'xabcabcab') given += matcher.push(unit).text;
  assert.equal(given, 'xabc');
  assert.deepEqual(matcher.push('d'), { text: '', stopped: true });
});
