import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readPairs } from '../../src/tables/pairs.js';
import { inWords } from '../../src/tables/rows.js';

const words = (remarks: Parameters<typeof inWords>[0][]) => remarks.map(inWords);

/** As a spreadsheet writes it: a cell in quotes where it needs them. */
const cell = (text: string, separator: string) =>
  /["\n\r]/.test(text) || text.includes(separator) ? `"${text.replaceAll('"', '""')}"` : text;

test('a thousand odd rows come back as they were, whatever separates cells and ends lines', () => {
  const odd = [
    'plain',
    'a, b; c\td',
    'He said "no"',
    'two\nlines',
    '"',
    'ünï ☃ 𝄞',
    "=1+1, or 'x'",
    '{"a":1}',
  ];
  const pairs = Array.from({ length: 1000 }, (_, i) => [
    `${odd[i % odd.length]} ${i}`,
    `${odd[(i >> 3) % odd.length]} -${i}`,
  ]);
  for (const separator of [',', '\t', ';']) {
    for (const end of ['\n', '\r\n', '\r']) {
      for (const begin of ['', '\uFEFF', `positive${separator}negative${end}`]) {
        const lines = pairs.map((pair) => pair.map((text) => cell(text, separator)).join(separator));
        const text = begin + lines.map((line) => line.replaceAll('\n', end) + end).join('');
        const read = readPairs(text);
        assert.deepEqual(read.pairs, pairs);
        assert.deepEqual([read.faults, read.notes], [[], []]);
      }
    }
  }
  const rows = pairs.map(([positive, negative]) => ({ negative, positive }));
  const objects = { positive: pairs.map(([one]) => one), negative: pairs.map(([, one]) => one) };
  for (const text of [
    rows.map((row) => JSON.stringify(row)).join('\r\n'),
    JSON.stringify(rows, null, 2),
    JSON.stringify(pairs),
    JSON.stringify(objects, null, 1),
  ])
    assert.deepEqual(readPairs(text).pairs, pairs);
});

test('what is left out is told with the line on which it begins', () => {
  const read = readPairs('a,b\n\n"two\nlines",c\n\n\nalone\na,b\nx,y,z\n"open,p\nq,r\n');
  assert.deepEqual(read.pairs, [
    ['a', 'b'],
    ['two\nlines', 'c'],
  ]);
  assert.deepEqual(words([...read.faults]), [
    'line 7 is not a pair of two texts',
    'line 9 is not a pair of two texts',
    'line 10 opens a quote that nothing closes; a quote inside of a quoted cell is written twice',
  ]);
  assert.deepEqual(words([...read.notes]), [
    'line 2 is empty',
    'lines 5 to 6 are empty',
    'line 8 repeats line 1',
  ]);
});

test('columns are found by their names, and others are told', () => {
  const read = readPairs('id,Negative, Positives \n1,plain,wet\n2,dry\n');
  assert.deepEqual(read.pairs, [['wet', 'plain']]);
  assert.deepEqual(words([...read.faults]), ['line 3 is not a pair of two texts']);
  assert.deepEqual(words([...read.notes]), ['line 1 names a column "id" that is not read']);
});

test('JSON lines that are none are faults, and chats are taken as they are', () => {
  const chat = [{ role: 'user', content: 'Hi' }];
  const read = readPairs(
    `${JSON.stringify({ positive: chat, negative: 'n' })}\n{"positive": 1\n[1]\n{"positive":"p"}\n`,
  );
  assert.deepEqual(read.pairs, [[chat, 'n']]);
  assert.match(
    words([...read.faults]).join('\n'),
    /^line 2 is no JSON: .*\nline 3 is no JSON object\nline 4 is not/,
  );
  assert.deepEqual(readPairs('{"positive":"p","negative":"n"}').pairs, [['p', 'n']]);
  assert.match(words([...readPairs('{"positive":["a"],"negative":[]}').faults])[0] ?? '', /1 texts.*0 in/);
  assert.match(words([...readPairs('[1,').faults])[0] ?? '', /^the file is no JSON/);
  assert.deepEqual(readPairs(' \n').pairs, []);
});
