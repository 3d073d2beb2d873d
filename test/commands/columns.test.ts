import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { type Cell, cells, sideBySide, wrap } from '../../src/commands/columns.js';

const cell = (title: string, text: string, mark = ''): Cell => ({
  title,
  text,
  paintTitle: (line) => mark + line + mark,
  paintText: (line) => mark + line + mark,
});

test('wrapped lines fit, and lose nothing but spaces and control characters', () => {
  const texts = [
    'The sea is calm and the waves roll in.',
    'averyveryverylongwordwithoutanyspaceinit and more',
    '海は静かです。波が寄せては返します。 The sea 🌊🌊🌊 again',
    'first line\nsecond line\n\n  fourth\tline  ',
    'cafe\u0301 man\u0303ana',
    '',
  ];
  for (const text of texts) {
    for (const width of [2, 5, 10, 39, 200]) {
      const lines = wrap(text, width);
      for (const line of lines) assert.ok(cells(line) <= width, `${width}: ${line}`);
      assert.equal(lines.join('').replaceAll(' ', ''), text.replace(/\s/g, ''));
    }
  }
  assert.deepEqual(wrap('one two three', 7), ['one two', 'three']);
  assert.deepEqual(wrap('a\n\nb', 7), ['a', 'b']);
});

test('what a model writes cannot steer the terminal', () => {
  assert.deepEqual(wrap('red \x1b[31mtext\x07 \u202eback', 80), ['red [31mtext back']);
});

test('wide characters count two cells', () => {
  assert.equal(cells('abc'), 3);
  assert.equal(cells('海🌊'), 4);
  assert.equal(cells('e\u0301'), 1);
});

test('the right column starts at one cell in every row, whatever is painted', () => {
  const left = cell('plain', '海 is the word for the sea and it is a good one');
  const right = cell('ocean', 'waves and waves and waves and waves and waves and waves and waves');
  for (const width of [40, 61, 80]) {
    const lines = sideBySide(left, right, width);
    for (const line of lines) assert.ok(cells(line) <= width);
    assert.equal(cells((lines[0] as string).split('ocean')[0] as string), Math.floor((width - 3) / 2) + 3);
  }
  const bare = sideBySide(left, right, 60);
  const painted = sideBySide({ ...left, paintText: (line) => `\x1b[2m${line}\x1b[0m` }, right, 60);
  assert.deepEqual(painted.map(stripVTControlCharacters), bare);
});

test('a cell stands alone when there is no second', () => {
  assert.deepEqual(sideBySide(cell('plain', 'one two'), undefined, 40), ['plain', 'one two']);
});
