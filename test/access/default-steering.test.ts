/** A key's own steering is for bodies that ask for none, wherever they could ask. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withDefaultSteering } from '../../src/access/default-steering.js';

const steering = [{ concept: 'pirate' }];

test('it goes into bodies that say nothing about steering, and into no others', () => {
  for (const body of [{}, { model: 'm' }, { options: { seed: 1 } }, { options: null }])
    assert.deepEqual(withDefaultSteering(body, steering), { ...body, steering });
  for (const body of [
    { concept: 'sad' },
    { steering: [] },
    { model: 'm@sad:1' },
    // Ollama's clients ask there.
    { options: { concept: 'sad' } },
    { options: { steering: [] } },
  ])
    assert.equal(withDefaultSteering(body, steering), body);
  for (const body of [null, 'text', [1]]) assert.equal(withDefaultSteering(body, steering), body);
});
