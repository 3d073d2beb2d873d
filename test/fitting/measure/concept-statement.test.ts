/** What states a concept to its judge: the request's words before the record's, the record's before none. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { statementOf } from '../../../src/fitting/measure/concept-statement.js';
import { examplesRecord } from '../../../src/fitting/recipes/example-statement.js';
import { usualCalibration } from '../../../src/schemas/measurements.js';
import { characterTokenizer } from '../../helpers/fake-engine.js';

const recorded = (prefix: string, details: Readonly<Record<string, unknown>> = {}, name = 'a concept') => ({
  name,
  record: { recipe: 'examples', method: 'mean_difference', prefix, seed: 0, details },
});
const shown = examplesRecord(
  { positive: ['The waves roll in.'], negative: ['The bus is late.'] },
  { tokenizer: characterTokenizer, capacity: 4096 },
);

test('a message states its concept against messages of other things', () => {
  const { own, decoys } = statementOf(recorded('Be someone who fears spiders.')) ?? { own: '', decoys: [] };
  assert.equal(own, 'Be someone who fears spiders.');
  assert.equal(decoys.length, usualCalibration.others);
  assert.equal(new Set(decoys).size, usualCalibration.others);
  assert.ok(decoys.every((decoy) => decoy !== '' && !/spider/i.test(decoy)));
  assert.deepEqual(statementOf(recorded(own)), { own, decoys }, 'the same each time');
});

test('no decoy has a word of the name: it says what the message may say in other words', () => {
  const prefix = 'Talk of laughter and smiles.';
  const decoysOf = (name: string) => statementOf(recorded(prefix, {}, name))?.decoys ?? [];
  const usual = decoysOf('glee');
  assert.ok(usual.some((decoy) => /cheerful/.test(decoy)));
  const without = decoysOf('cheerful');
  assert.equal(without.length, usualCalibration.others);
  assert.deepEqual(
    without.slice(0, -1),
    usual.filter((decoy) => !/cheerful/.test(decoy)),
  );
});

test('examples without a message state themselves, against the negative ones', () => {
  const statement = statementOf(recorded('', shown));
  assert.match(statement?.own ?? '', /waves roll/);
  assert.equal(statement?.decoys.length, 1);
  assert.match(statement?.decoys[0] ?? '', /bus is late/);
});

test('a message that the record has counts before its examples', () => {
  const statement = statementOf(recorded('You adore the sea.', shown));
  assert.equal(statement?.own, 'You adore the sea.');
  assert.equal(statement?.decoys.length, usualCalibration.others);
});

test('what the request says counts before all', () => {
  const others = ['Be a dog.', 'Be a cat.'];
  for (const record of [recorded(''), recorded('You adore the sea.'), recorded('', shown)]) {
    const own = statementOf(record, 'Be a fish.');
    assert.equal(own?.own, 'Be a fish.');
    assert.equal(own?.decoys.length, usualCalibration.others);
    assert.deepEqual(statementOf(record, 'Be a fish.', others), { own: 'Be a fish.', decoys: others });
  }
  assert.deepEqual(statementOf(recorded('You adore the sea.'), undefined, others)?.decoys, others);
  const examples = statementOf(recorded('', shown), undefined, others);
  assert.match(examples?.own ?? '', /waves roll/);
  assert.deepEqual(examples?.decoys, others);
});

test('nothing states what has no message and no examples, or a record that is no statement', () => {
  // Concepts composed of imported ones had only the line breaks between messages that are not there.
  for (const nothing of ['', '\n', ' \n\n ']) assert.equal(statementOf(recorded(nothing)), null);
  assert.match(statementOf(recorded('\n', shown))?.own ?? '', /waves roll/);
  assert.equal(statementOf(recorded(''), undefined, ['Be a dog.']), null);
  for (const stated of [
    null,
    5,
    'text',
    {},
    { own: 'x' },
    { own: '', decoys: [] },
    { own: 'x', decoys: [1] },
  ])
    assert.equal(statementOf(recorded('', { stated_by: stated })), null, JSON.stringify(stated));
});
