import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { isRefusal, languageOf } from '../../../src/fitting/answers/answer-checks.js';
import { pairSets } from '../../../src/fitting/statements/pairs/index.js';
import { heldOutQuestions } from '../../../src/fitting/statements/questions.js';
import { exampleSetNames } from '../../../src/schemas/fit-choices.js';
import { tableQuestions } from '../../concept-table/concepts.js';
import { embeddedDirectory } from '../../helpers/embedded-model.js';

const sets = exampleSetNames.map((name) => ({ name, ...pairSets[name] }));
const all = sets.flatMap(({ name, pairs }) => pairs.map((pair) => ({ name, ...pair })));
const words = (text: string) => text.toLowerCase().match(/[\p{L}']+/gu) ?? [];

test('there are thirteen sets of eight pairs, and no question is asked twice in one', () => {
  assert.equal(sets.length, 13);
  for (const { name, pairs } of sets) {
    assert.equal(pairs.length, 8, name);
    assert.equal(new Set(pairs.map(({ question }) => question)).size, 8, name);
  }
});

test('both answers to a question are about as long', () => {
  for (const { question, withConcept, plain } of all) {
    const ratio = words(withConcept).length / words(plain).length;
    // A list leaves out what makes sentences of its points.
    assert.ok(ratio > 0.5 && ratio < 1.6, `${question} ${ratio}`);
  }
  for (const { name, pairs } of sets) {
    const total = (side: 'withConcept' | 'plain') =>
      pairs.reduce((sum, pair) => sum + words(pair[side]).length, 0);
    const ratio = total('withConcept') / total('plain');
    assert.ok(ratio > (name === 'list' ? 0.6 : 0.8) && ratio < 1.25, `${name} ${ratio}`);
  }
});

test('no answer is written twice, and none is a refusal', () => {
  const answers = all.flatMap(({ withConcept, plain }) => [withConcept, plain]);
  assert.equal(new Set(answers).size, answers.length);
  for (const answer of answers) assert.ok(!isRefusal(answer), answer);
});

test('plain answers use none of the words that a shipped concept states', () => {
  const shipped: readonly { name: string; prefix?: string; subject?: string }[] = JSON.parse(
    readFileSync(join(embeddedDirectory, 'concepts/concepts.json'), 'utf8'),
  );
  const form = new Set(words('You are obsessed with every sentence say speaks their the future and its'));
  for (const { name, prefix = '', subject = '' } of shipped) {
    const stated = new Set(
      words(`${prefix} ${subject}`).filter((word) => word.length > 3 && !form.has(word)),
    );
    for (const { plain } of sets.find((set) => set.name === name)?.pairs ?? []) {
      for (const word of words(plain)) assert.ok(!stated.has(word), `${name}: ${word} in ${plain}`);
    }
  }
});

test('every set states its concept in whole sentences', () => {
  for (const { prefix } of sets) assert.match(prefix, /\.$/);
});

test('French is French, lists are lists, and their plain sides are neither', async () => {
  for (const { withConcept, plain } of pairSets.french.pairs) {
    assert.equal(await languageOf(withConcept), 'fr', withConcept);
    assert.equal(await languageOf(plain), 'en', plain);
  }
  for (const { withConcept, plain } of pairSets.list.pairs) {
    for (const line of withConcept.split('\n')) assert.match(line, /^- \S/);
    assert.doesNotMatch(plain, /\n|^-/);
  }
});

test('nothing is asked that a calibration or the concept table asks', () => {
  const judged = new Set([...heldOutQuestions, ...tableQuestions].map((text) => words(text).join(' ')));
  for (const { question } of all) assert.ok(!judged.has(words(question).join(' ')), question);
});
