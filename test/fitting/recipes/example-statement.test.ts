/** Examples as a message that states their concept. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { examplesRecord, recordedStatement } from '../../../src/fitting/recipes/example-statement.js';
import type { Example } from '../../../src/fitting/recipes/recipe.js';
import { characterTokenizer } from '../../helpers/fake-engine.js';

function statement(positive: readonly Example[], negative: readonly Example[] = ['Fine.'], capacity = 8192) {
  const record = examplesRecord({ positive, negative }, { tokenizer: characterTokenizer, capacity });
  const read = recordedStatement(JSON.parse(JSON.stringify(record)));
  assert.ok(read);
  return read;
}

test('both sides are shown in the same manner', () => {
  const { own, decoys } = statement(['What joy!', 'Hurray'], ['Fine.', 'I see,\n well.']);
  const lines = (text: string) => text.split('\n');
  assert.deepEqual(lines(own).slice(1), ['- What joy!', '- Hurray']);
  assert.deepEqual(lines(decoys[0] ?? '').slice(1), ['- Fine.', '- I see, well.']);
  assert.equal(lines(own)[0], lines(decoys[0] ?? '')[0]);
});

test('of a chat its last message is shown', () => {
  const chat = [
    { role: 'user', content: 'How are you?' },
    { role: 'assistant', content: 'Splendid!' },
  ];
  const { own } = statement([chat, [{ role: 'user', content: 'Alone?' }]]);
  assert.match(own, /- Splendid!\n- Alone\?$/);
  assert.doesNotMatch(own, /How are you/);
});

test('the message stays short: a few examples, cut, and fewer where the context is short', () => {
  const many = Array.from({ length: 40 }, (_, i) => `${i} ${'word '.repeat(200)}`);
  const { own } = statement(many);
  assert.equal(own.split('\n').length, 1 + 8);
  assert.ok(own.length < 2200);
  const brief = statement(many, many, 4000);
  for (const text of [brief.own, brief.decoys[0] ?? '']) {
    assert.ok(text.length <= 1000, `${text.length}`);
    assert.ok(text.split('\n').length > 2);
  }
  assert.equal(statement(many, ['Fine.'], 64).own.split('\n').length, 2, 'at least one');
});
