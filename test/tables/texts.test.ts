import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readTexts } from '../../src/tables/texts.js';

const names = ['question', 'prompt'];
const odd = ['Why, oh why?', 'He said "no".', 'Where; when?', 'ünï ☃'];

test('lines, a column, JSON lines and a list give the same texts', () => {
  const quoted = odd.map((text) => `1,"${text.replaceAll('"', '""')}"`);
  for (const text of [
    odd.join('\r\n'),
    `\uFEFFid,Question\n${quoted.join('\n')}\n`,
    odd.map((question) => JSON.stringify({ question })).join('\n'),
    JSON.stringify(odd),
    JSON.stringify(
      odd.map((prompt) => ({ prompt })),
      null,
      1,
    ),
  ])
    assert.deepEqual(readTexts(text, names), { texts: odd, faults: [], notes: [] }, text);
});

test('what has no text is told where it is', () => {
  const { texts, faults, notes } = readTexts('question,id\nA?,1\n\n ,2\n', names);
  assert.deepEqual([texts, notes], [['A?'], [{ at: 'line 3', what: 'is empty' }]]);
  assert.deepEqual(faults, [{ at: 'line 4', what: 'has no text' }]);
  assert.deepEqual(readTexts('a\n\nb', names).notes, [{ at: 'line 2', what: 'is empty' }]);
  assert.deepEqual(readTexts('[1]', names).faults, [{ at: 'entry 1', what: 'has no text' }]);
});
