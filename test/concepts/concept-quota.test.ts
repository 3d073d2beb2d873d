/** How many concepts, and how large ones, a data directory and an API key may have. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createConcept } from '../../src/concepts/concept.js';
import { ConceptStore } from '../../src/concepts/concept-store.js';
import { SteerdError } from '../../src/errors.js';
import { sampleFields, temporaryFolder } from './sample.js';

const concept = (name: string) => createConcept(sampleFields(name));
const bytes = concept('a').vectors.byteLength;
const refused = (error: unknown) =>
  error instanceof SteerdError && error.code === 'concept_quota_exceeded' && error.status === 507;

test('number and bytes are bounded, replacing needs no room, and deleting makes some', async (t) => {
  for (const quota of [
    { concepts: 2, bytes: 1e9 },
    { concepts: 100, bytes: 2 * bytes + 1 },
  ]) {
    const store = await ConceptStore.open({ dataDirectory: await temporaryFolder(t), shipped: [], quota });
    await store.put(concept('a'));
    await store.put(concept('b'));
    await assert.rejects(store.put(concept('c')), refused);
    assert.equal(
      store.get('tiny', 'c') ?? store.list().find(({ concept: { name } }) => name === 'c'),
      undefined,
    );
    await store.put(concept('b'));
    const { model } = concept('a');
    await store.delete(model, 'a');
    const both = await Promise.allSettled([store.put(concept('c')), store.put(concept('d'))]);
    assert.deepEqual(
      both.map(({ status }) => status).sort(),
      ['fulfilled', 'rejected'],
      'of two at once one fits',
    );
  }
});

test("a key's own quota counts what it made, over a restart too", async (t) => {
  const dataDirectory = await temporaryFolder(t);
  const maker = { key: 'key-1', most: 1 };
  const first = await ConceptStore.open({ dataDirectory, shipped: [] });
  await first.put(concept('others'));
  await first.put(concept('mine'), undefined, maker);
  await first.put(concept('mine'), undefined, maker);
  await first.put(concept('others'), undefined, maker);
  await assert.rejects(first.put(concept('more'), undefined, maker), refused);
  const { model } = concept('mine');
  const store = await ConceptStore.open({ dataDirectory, shipped: [] });
  assert.throws(() => store.checkRoom(model, 'more', maker), refused);
  store.checkRoom(model, 'mine', maker);
  store.checkRoom(model, 'more', { key: 'key-2', most: 1 });
  await store.delete(model, 'mine');
  await store.put(concept('more'), undefined, maker);
});
