/** What a concept is told apart from: never itself, always of the same form. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type ContrastTerms,
  contrastOf,
  decoyMessages,
  negativeSide,
} from '../../../src/fitting/contrast/contrast.js';
import { messagesOtherThan, otherThan, sameText } from '../../../src/fitting/contrast/likeness.js';
import { classPrefix, recognised, statedConcept } from '../../../src/fitting/contrast/stated-concept.js';
import { classSubjects, otherMessages, topics } from '../../../src/fitting/statements/subjects.js';
import { conceptClasses, conceptClassNames } from '../../../src/schemas/fit-choices.js';

const others = (terms: ContrastTerms) => contrastOf({ contrast: 'others', ...terms });

test('a class is contrasted with its other subjects in its own sentence', () => {
  for (const name of conceptClassNames) {
    const [subject, ...rest] = classSubjects[name] as [string, ...string[]];
    const contrast = others(statedConcept({ class: name, subject }));
    assert.equal(contrast.own, classPrefix(name, subject));
    assert.ok(contrast.others.length >= 8 && !contrast.others.includes(contrast.own));
    const { otherSubjects } = contrast;
    assert.deepEqual(
      contrast.others,
      otherSubjects?.map((other) => classPrefix(name, other)),
    );
    assert.ok(otherSubjects?.every((other) => rest.includes(other)));
    // The same sentence, written out, is contrasted alike.
    assert.deepEqual(others({ prefix: contrast.own }), contrast);
  }
});

test('a message of no class is contrasted with messages, a subject with topics', () => {
  const prefix = 'You are obsessed with the ocean. Every sentence you say speaks of waves, tides or fish.';
  const message = others({ prefix });
  assert.ok(message.others.every((other) => otherMessages.includes(other)) && message.others.length >= 20);
  assert.equal(message.otherSubjects, null);
  const both = others(statedConcept({ prefix, subject: 'the ocean' }));
  assert.deepEqual(both.others, message.others);
  assert.deepEqual(both.otherSubjects, topics);
  const alone = others(statedConcept({ subject: 'the ocean' }));
  assert.deepEqual(alone.otherSubjects, topics);
  assert.ok(alone.others.every((other, i) => other.includes(topics[i] as string)));
  const form = others(statedConcept({ prefix: 'You love {x}. Praise {x}.', subject: 'tea' }));
  assert.equal(form.own, 'You love tea. Praise tea.');
  assert.equal(form.others[0], `You love ${topics[0]}. Praise ${topics[0]}.`);
});

test('shipped others that speak of the same are left out', () => {
  assert.deepEqual(otherThan('A Cat', ['cats', 'dogs', 'the cat', 'old cats']), ['dogs']);
  assert.ok(sameText(' The Ocean!', 'ocean') && !sameText('ocean', 'the oceanic'));
  for (const own of ['You love cats.', otherMessages[0] as string]) {
    const left = messagesOtherThan(own, otherMessages);
    assert.ok(left.length < otherMessages.length && left.length >= 20, `${own}: ${left.length}`);
  }
  assert.ok(!others({ prefix: 'You love cats.' }).others.some((other) => other.includes('cats')));
  assert.ok(!others(statedConcept({ subject: 'Coffee' })).otherSubjects?.includes('coffee'));
});

test('a list of the request is taken as it is, without the own one and repetitions', () => {
  const terms = statedConcept({ subject: 'the ocean' });
  const { otherSubjects } = others({ ...terms, others: ['Oceans', ' chess ', 'Chess', 'ocean waves'] });
  assert.deepEqual(otherSubjects, ['chess', 'ocean waves']);
  for (const [refused, field] of [
    [{ others: ['the ocean', 'OCEAN'] }, 'others'],
    [{ contrast: 'opposite', opposite: 'the Ocean' }, 'opposite'],
    [{ contrast: 'opposite' }, 'opposite'],
  ] as const)
    assert.throws(() => others({ ...terms, ...refused }), { code: 'invalid_value', param: field });
});

test('an opposite is a subject where the message has a form, else a message', () => {
  const terms = { contrast: 'opposite', opposite: 'sad' } as const;
  const mood = contrastOf({ ...statedConcept({ class: 'moods', subject: 'cheerful' }), ...terms });
  assert.deepEqual([mood.others, mood.otherSubjects], [['Take on a sad mood.'], ['sad']]);
  const message = contrastOf({ prefix: 'Be cheerful.', ...terms, opposite: 'Be sad.' });
  assert.deepEqual([message.others, message.otherSubjects], [['Be sad.'], null]);
  const none = contrastOf({ prefix: 'Be cheerful.' });
  assert.deepEqual([none.kind, none.others, none.bareShare], ['none', [], 1]);
});

test('bare negatives are spread evenly and the others come in turn', () => {
  const contrast = others(statedConcept({ subject: 'tea' }));
  const few = { ...contrast, others: contrast.others.slice(0, 3) };
  assert.deepEqual(negativeSide(few, 5), [0, 1, 2, 0, 1]);
  assert.deepEqual(negativeSide({ ...few, bareShare: 0.25 }, 8), [0, 1, 2, null, 0, 1, 2, null]);
  assert.deepEqual(negativeSide({ ...few, bareShare: 1 }, 2), [null, null]);
  assert.deepEqual(negativeSide(contrastOf({ prefix: 'Be glad.' }), 2), [null, null]);
  for (const bareShare of [0, 0.1, 0.3, 0.7]) {
    const bare = negativeSide({ ...few, bareShare }, 200).filter((other) => other === null).length;
    assert.equal(bare, 200 * bareShare);
  }
});

test('decoys are other messages, half of them of the same kind', () => {
  for (const concept of [
    statedConcept({ class: 'fears', subject: 'spiders' }),
    statedConcept({ prefix: 'You are a pirate. Talk about treasure.' }),
    statedConcept({ subject: 'the ocean' }),
    statedConcept({ prefix: 'You adore {x}.', subject: 'tea' }),
    { prefix: '' },
  ]) {
    const decoys = decoyMessages(concept, 16);
    assert.equal(new Set(decoys).size, 16);
    assert.ok(!decoys.includes(concept.prefix));
    assert.deepEqual(decoyMessages(concept, 8), decoys.slice(0, 8));
    // A stored concept has its message alone.
    if (concept.form !== 'You adore {x}.')
      assert.deepEqual(decoyMessages({ prefix: concept.prefix }, 16), decoys);
  }
  const [before, after] = conceptClasses.fears.prefix.split('{x}') as [string, string];
  const alike = decoyMessages(statedConcept({ class: 'fears', subject: 'spiders' }), 16).filter(
    (message) => message.startsWith(before) && message.endsWith(after),
  );
  assert.equal(alike.length, 8);
});

test('a class is recognised by its sentence, and by nothing longer', () => {
  const { conceptClass, subject } = recognised('Take on the role of an expert botanist.');
  assert.deepEqual([conceptClass, subject], ['personalities', 'botanist']);
  assert.equal(recognised('Take on a sad mood.').subject, 'sad');
  for (const prefix of ['', 'Be glad.', 'Take on a mood.', 'Take on a sad mood. Cry in a bad mood.'])
    assert.deepEqual(recognised(prefix), { prefix });
});
