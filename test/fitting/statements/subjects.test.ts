import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { ConceptRecord } from '../../../src/concepts/concept.js';
import { statedConcept } from '../../../src/fitting/contrast/stated-concept.js';
import { statementOf } from '../../../src/fitting/measure/concept-statement.js';
import { classSubjects, otherMessages, topics } from '../../../src/fitting/statements/subjects.js';
import { conceptClasses, conceptClassNames } from '../../../src/schemas/fit-choices.js';
import { tableConcepts } from '../../concept-table/concepts.js';
import { embeddedDirectory } from '../../helpers/embedded-model.js';

/** The words of a text that say what it is about. */
const contentWords = (text: string) => text.toLowerCase().match(/\p{L}{4,}/gu) ?? [];

const shipped: readonly { name: string; prefix?: string; subject?: string }[] = JSON.parse(
  readFileSync(`${embeddedDirectory}/concepts/concepts.json`, 'utf8'),
);

test('there are enough subjects of each kind for contrast and decoys', () => {
  for (const name of conceptClassNames) assert.ok(classSubjects[name].length >= 24, name);
  assert.ok(topics.length >= 32);
  assert.ok(otherMessages.length >= 16);
});

test('no two subjects of a list share a word', () => {
  for (const list of [...Object.values(classSubjects), topics]) {
    const seen = new Map<string, string>();
    for (const subject of list) {
      for (const word of contentWords(subject)) {
        assert.equal(seen.get(word), undefined, `${subject} | ${seen.get(word)}`);
        seen.set(word, subject);
      }
    }
    assert.equal(new Set(list).size, list.length);
  }
});

test('a subject reads in the sentence of its class', () => {
  for (const subject of classSubjects.moods) assert.match(subject, /^[^aeiou\s]\S*$/, `a ${subject} mood`);
  for (const subject of classSubjects.personas) assert.match(subject, /^\p{Lu}/u);
  for (const subject of classSubjects.personalities) assert.match(subject, /^\p{Ll}.*\p{Ll}$/u);
  for (const name of conceptClassNames) {
    for (const subject of classSubjects[name]) assert.equal(subject, subject.trim());
    assert.ok(classSubjects[name].includes(conceptClasses[name].example) || name === 'personas', name);
  }
});

test('none of them is a concept of the concept table', () => {
  for (const { group, subject } of tableConcepts) {
    for (const other of classSubjects[group]) assert.notEqual(other.toLowerCase(), subject.toLowerCase());
  }
});

test('no decoy of a shipped concept speaks of what the concept speaks of', () => {
  const form = new Set(contentWords('obsessed every sentence speaks with their'));
  for (const { name, prefix = '', subject } of shipped) {
    if (subject === undefined) continue;
    const own = new Set([name, ...contentWords(subject)].filter((word) => !form.has(word)));
    const record = { prefix: statedConcept({ prefix, subject }).prefix, details: {} } as ConceptRecord;
    const decoys = statementOf({ name, record })?.decoys ?? [];
    assert.ok(decoys.length >= 8, name);
    for (const decoy of decoys)
      assert.ok(!contentWords(decoy).some((word) => own.has(word)), `${name}: ${decoy}`);
  }
});

test('no two messages are alike', () => {
  for (const [i, a] of otherMessages.entries()) {
    const own = new Set(contentWords(a));
    for (const b of otherMessages.slice(0, i)) {
      const form = new Set([
        'every',
        'sentence',
        'speaks',
        'obsessed',
        'with',
        'writer',
        'talk',
        'about',
        'like',
        'stories',
      ]);
      const common = contentWords(b).filter((word) => own.has(word) && !form.has(word));
      assert.ok(new Set(common).size <= 2, `${a} | ${b}`);
    }
  }
});
