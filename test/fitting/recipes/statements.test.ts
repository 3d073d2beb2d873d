import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultStatements, statementTopics } from '../../../src/fitting/statements/index.js';

const all = [...defaultStatements.positive, ...defaultStatements.negative];

test('there are 200 of each side, and both sides speak of the same things', () => {
  assert.equal(defaultStatements.positive.length, 200);
  assert.equal(defaultStatements.negative.length, 200);
  assert.equal(new Set(statementTopics.map(({ topic }) => topic)).size, statementTopics.length);
  for (const { positive, negative } of statementTopics) assert.equal(positive.length, negative.length);
});

test('they are short sentences', () => {
  for (const statement of all) {
    assert.match(statement, /^[A-Z][^.!?]*\.$/, statement);
    const words = statement.split(' ').length;
    assert.ok(words >= 3 && words <= 14, statement);
  }
});

test('no two are alike', () => {
  const grams = all.map((statement) => {
    const plain = statement.toLowerCase().replace(/[^a-z0-9 ]/g, '');
    return new Set(Array.from({ length: plain.length - 4 }, (_, i) => plain.slice(i, i + 5)));
  });
  for (const [i, a] of grams.entries()) {
    for (const [j, b] of grams.entries()) {
      if (j >= i) break;
      let common = 0;
      for (const gram of a) if (b.has(gram)) common++;
      assert.ok(common < 0.6 * Math.min(a.size, b.size), `${all[i]} | ${all[j]}`);
    }
  }
});
