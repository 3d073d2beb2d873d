/** What every store of concepts keeps to: the folder of a server alone and the database that several share. */
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createConcept } from '../../src/concepts/concept.js';
import { encodeConcept } from '../../src/concepts/concept-file.js';
import { type ConceptLibrary, storedConcept } from '../../src/concepts/concept-lookup.js';
import type { ConceptMaker, ConceptQuota } from '../../src/concepts/concept-quota.js';
import { keptVersions } from '../../src/concepts/stored-concept.js';
import { SteerdError } from '../../src/errors.js';
import { sampleConcept, sampleFields, temporaryFolder } from './sample.js';

export interface LawStore extends ConceptLibrary {
  addShipped(folder: string): Promise<readonly unknown[]>;
  checkRoom(model: string, name: string, maker?: ConceptMaker): void;
}

export interface LawOptions {
  readonly shipped?: readonly string[];
  readonly quota?: ConceptQuota;
}

/** Where a test's concepts are kept, and how a store of them is opened, as often as a server starts. */
export interface LawPlace {
  open(options?: LawOptions): Promise<LawStore>;
}

export const hasCode = (code: string) => (error: unknown) =>
  error instanceof SteerdError && error.code === code;

export async function ship(folder: string, ...names: string[]): Promise<string> {
  const shipped = join(folder, 'shipped');
  await mkdir(shipped, { recursive: true });
  for (const name of names)
    await writeFile(join(shipped, `${name}.safetensors`), encodeConcept(sampleConcept(name)));
  return shipped;
}

const sample = (seed: number, name = 'ocean') => sampleConcept(name, { seed });

export function storeLaws(
  kind: string,
  place: (t: TestContext) => Promise<LawPlace>,
  skip: string | false = false,
): void {
  const law = (name: string, run: (place: LawPlace, t: TestContext) => Promise<void>) =>
    test(`${kind}: ${name}`, { skip }, async (t) => run(await place(t), t));

  law('what is put is there at once and after a restart', async ({ open }) => {
    const store = await open();
    const concept = sample(1);
    const stored = await store.put(concept);
    assert.deepEqual(stored.concept, concept);
    assert.equal(stored.source, 'data');
    assert.ok(Math.abs(stored.createdAt - Date.now() / 1000) < 60);
    assert.equal(store.find('tiny', 'Ocean'), undefined);
    assert.equal(store.find('other', 'ocean'), undefined);
    for (const each of [store, await open()]) {
      assert.equal(each.find('tiny', 'ocean')?.version, concept.version);
      assert.equal(each.find('tiny', 'ocean')?.bytes, concept.vectors.byteLength);
      assert.deepEqual(await each.load('tiny', 'ocean'), stored);
      assert.equal(await each.load('tiny', 'night'), undefined);
    }
  });

  law('a put replaces the concept of the same model and name alone', async ({ open }) => {
    const store = await open();
    const other = await store.put(sampleConcept('ocean', { model: 'other' }));
    await store.put(sample(1));
    const second = await store.put(sample(2));
    for (const each of [store, await open()]) {
      assert.deepEqual(await each.load('tiny', 'ocean'), second);
      assert.deepEqual(await each.load('other', 'ocean'), other);
      assert.equal(each.list().length, 2);
    }
  });

  law('lists are sorted and by model', async ({ open }) => {
    const store = await open();
    for (const name of ['space', 'émotion', 'ocean', 'Zeal']) await store.put(sampleConcept(name));
    await store.put(sampleConcept('night', { model: 'other' }));
    for (const each of [store, await open()]) {
      assert.deepEqual(each.names('tiny'), ['Zeal', 'ocean', 'space', 'émotion']);
      assert.deepEqual(each.names('other'), ['night']);
      assert.deepEqual(each.names('none'), []);
      const names = each.list().map(({ name }) => name);
      assert.deepEqual(names, ['Zeal', 'night', 'ocean', 'space', 'émotion']);
      assert.deepEqual(each.modelsWith('night'), ['other']);
    }
  });

  law(
    'models that have a concept are named, and a folder that comes later ships to its own',
    async ({ open }, t) => {
      const store = await open();
      for (const model of ['b', 'a']) await store.put(sampleConcept('ocean', { model }));
      await store.put(sampleConcept('night', { model: 'c' }));
      const shipped = await ship(await temporaryFolder(t), 'ocean');
      for (let i = 0; i < 2; i++) assert.deepEqual(await store.addShipped(shipped), []);
      assert.deepEqual(store.modelsWith('ocean'), ['a', 'b', 'tiny']);
      assert.equal(store.find('tiny', 'ocean')?.source, 'shipped');
      await store.delete('a', 'ocean');
      assert.deepEqual(store.modelsWith('ocean'), ['b', 'tiny']);
      await assert.rejects(store.delete('c', 'ocean'), /for model c, but for b, tiny/);
    },
  );

  law(
    'of puts at the same time each is a version, whole, and one of them is what the name means',
    async ({ open }) => {
      const store = await open();
      const concepts = Array.from({ length: 10 }, (_, seed) =>
        sampleConcept('ocean', { seed, hiddenSize: 64 }),
      );
      await Promise.all(concepts.map((concept) => store.put(concept)));
      const versions = await store.versions('tiny', 'ocean');
      assert.deepEqual(
        versions.map(({ version }) => version).sort(),
        concepts.map(({ version }) => version).sort(),
      );
      assert.deepEqual(
        versions.map(({ number }) => number),
        concepts.map((_, i) => concepts.length - i),
      );
      for (const each of [store, await open()]) {
        assert.equal(each.find('tiny', 'ocean')?.version, versions[0]?.version);
        for (const concept of concepts)
          assert.deepEqual((await each.load('tiny', `ocean@${concept.version}`))?.concept, concept);
      }
    },
  );

  law('a concept of the user hides the shipped one until it is deleted', async ({ open }, t) => {
    const shipped = [await ship(await temporaryFolder(t), 'pirate')];
    const store = await open({ shipped });
    const original = await store.load('tiny', 'pirate');
    assert.equal(original?.source, 'shipped');
    await assert.rejects(store.delete('tiny', 'pirate'), hasCode('concept_read_only'));
    await assert.rejects(store.delete('tiny', 'ocean'), hasCode('concept_not_found'));
    const mine = await store.put(sample(7, 'pirate'));
    for (const each of [store, await open({ shipped })]) {
      assert.deepEqual(await each.load('tiny', 'pirate'), mine);
      assert.equal(each.list().length, 1);
      const pinned = await each.load('tiny', `pirate@${original?.concept.version}`);
      assert.deepEqual(pinned, original, 'hidden, it is still a version of the name');
      assert.deepEqual(
        (await each.versions('tiny', 'pirate')).map(({ number, source }) => [number, source]),
        [
          [1, 'data'],
          [0, 'shipped'],
        ],
      );
    }
    assert.equal((await store.delete('tiny', 'pirate')).version, mine.concept.version);
    assert.deepEqual(await store.load('tiny', 'pirate'), original);
    await assert.rejects(store.delete('tiny', 'pirate'), hasCode('concept_read_only'));
  });

  law('a pin means the same whatever becomes of its name', async ({ open }) => {
    const store = await open();
    const [first, second] = [sample(1), sample(2)];
    await store.put(first);
    await store.put(second);
    const pinned = async (each: ConceptLibrary) => {
      for (const concept of [first, second]) {
        for (const digits of [8, 12, 64]) {
          const found = await each.load('tiny', `ocean@${concept.version.slice(0, digits)}`);
          assert.deepEqual(found?.concept, concept);
        }
      }
    };
    await pinned(store);
    await store.delete('tiny', 'ocean');
    assert.equal(await store.load('tiny', 'ocean'), undefined);
    await pinned(store);
    const again = await open();
    assert.equal(again.find('tiny', 'ocean'), undefined);
    await pinned(again);
    await again.put(sample(3));
    await again.rename('tiny', 'ocean', 'sea');
    await pinned(again);
    await assert.rejects(storedConcept(again, 'tiny', 'ocean@00000000', 'concept'), (error: Error) => {
      assert.ok(hasCode('concept_version_not_found')(error));
      assert.match(
        error.message,
        new RegExp(`${second.version.slice(0, 12)}.*${first.version.slice(0, 12)}`),
      );
      return true;
    });
    await assert.rejects(
      storedConcept(again, 'tiny', 'none@00000000', 'concept'),
      hasCode('concept_not_found'),
    );
  });

  law(
    'history: newest first, the same content again is no new version, an old one again is',
    async ({ open }) => {
      const store = await open();
      const [a, b] = [sample(1), sample(2)];
      for (const concept of [a, a, b, b, a]) await store.put(concept);
      for (const each of [store, await open()]) {
        const versions = await each.versions('tiny', 'ocean');
        assert.deepEqual(
          versions.map(({ number, version }) => [number, version]),
          [
            [3, a.version],
            [2, b.version],
            [1, a.version],
          ],
        );
        for (const { createdAt } of versions) assert.ok(Math.abs(createdAt - Date.now() / 1000) < 60);
      }
      assert.deepEqual(await store.versions('tiny', 'none'), []);
    },
  );

  law('of a name the last versions are kept, and what it means always', async ({ open }) => {
    const store = await open();
    const all = Array.from({ length: keptVersions + 3 }, (_, seed) => sample(seed));
    for (const concept of all) await store.put(concept);
    for (const each of [store, await open()]) {
      const kept = (await each.versions('tiny', 'ocean')).map(({ version }) => version);
      assert.deepEqual(
        kept,
        all
          .map(({ version }) => version)
          .reverse()
          .slice(0, keptVersions),
      );
      assert.equal(await each.load('tiny', `ocean@${all[0]?.version}`), undefined);
    }
  });

  law(
    'a deleted concept comes back as it was, whose it was, and only where nothing has its name',
    async ({ open }) => {
      const store = await open();
      const maker = { key: 'key-1', most: 1 };
      const { concept } = await store.put(sample(1), undefined, maker);
      await assert.rejects(store.restore('tiny', 'ocean'), hasCode('concept_exists'));
      await store.delete('tiny', 'ocean');
      await assert.rejects(store.delete('tiny', 'ocean'), hasCode('concept_not_found'));
      await store.put(sample(9));
      await assert.rejects(store.restore('tiny', 'ocean'), hasCode('concept_exists'));
      // What is deleted later hides what was deleted before.
      await store.delete('tiny', 'ocean');
      assert.equal((await store.restore('tiny', 'ocean')).concept.record.seed, 9);
      await store.delete('tiny', 'ocean');
      await store.put(concept, undefined, maker);
      await store.delete('tiny', 'ocean');
      const again = await open();
      assert.deepEqual((await again.restore('tiny', 'ocean')).concept, concept, 'over a restart too');
      assert.deepEqual((await again.load('tiny', 'ocean'))?.concept, concept);
      await assert.rejects(again.restore('tiny', 'night'), hasCode('concept_not_kept'));
      const more = again.put(sampleConcept('night'), undefined, maker);
      await assert.rejects(more, hasCode('concept_quota_exceeded'), 'the key made one already');
    },
  );

  law(
    'what was made of a version replaces that version and no other, and brings nothing back',
    async ({ open }) => {
      const store = await open();
      const { concept: first } = await store.put(sample(1));
      const { concept: second } = await store.put(sample(2), undefined, undefined, first.version);
      await assert.rejects(
        store.put(sample(3), undefined, undefined, first.version),
        hasCode('concept_changed'),
      );
      const changed = hasCode('concept_changed');
      await assert.rejects(store.put(sample(3), undefined, undefined, null), changed, 'none was meant');
      await assert.rejects(store.delete('tiny', 'ocean', first.version), changed);
      assert.equal(store.find('tiny', 'ocean')?.version, second.version);
      // A delete at the same time: a database takes the two in either order, and either way nothing is left.
      const gone = store.delete('tiny', 'ocean');
      const late = store.put(sample(3), undefined, undefined, second.version);
      const [, refused] = await Promise.all([
        gone,
        late.then(
          () => null,
          (error: unknown) => error,
        ),
      ]);
      if (refused !== null) assert.ok(hasCode('concept_changed')(refused));
      assert.equal(store.find('tiny', 'ocean'), undefined);
      await assert.rejects(store.put(sample(3), undefined, undefined, second.version), changed);
      await assert.rejects(store.delete('tiny', 'ocean', second.version), changed);
      const third = await store.put(sample(3), undefined, undefined, null);
      await store.delete('tiny', 'ocean', third.concept.version);
      assert.equal(store.find('tiny', 'ocean'), undefined);
    },
  );

  law('a concept gets another name, and nothing is replaced or lost by it', async ({ open }, t) => {
    const shipped = [await ship(await temporaryFolder(t), 'pirate')];
    const store = await open({ shipped });
    const quota = { key: 'key-1', most: 1 };
    const { concept } = await store.put(sample(1), undefined, quota);
    await store.put(sampleConcept('night'));
    for (const [from, to, code] of [
      ['ocean', 'night', 'concept_exists'],
      ['ocean', 'ocean', 'concept_exists'],
      ['ocean', 'pirate', 'concept_exists'],
      ['pirate', 'corsair', 'concept_read_only'],
      ['none', 'some', 'concept_not_found'],
      ['ocean', '../sea', 'invalid_value'],
    ] as const) {
      await assert.rejects(store.rename('tiny', from, to), hasCode(code), `${from} to ${to}`);
    }
    assert.deepEqual(store.names('tiny'), ['night', 'ocean', 'pirate']);
    const { concept: renamed } = await store.rename('tiny', 'ocean', 'sea');
    assert.notEqual(renamed.version, concept.version);
    const back = { ...renamed, name: 'ocean', version: concept.version };
    assert.deepEqual(back, concept, 'all but name and version is as it was');
    // Two that cross: both find the name taken, and none waits for ever.
    const crossed = await Promise.allSettled([
      store.rename('tiny', 'sea', 'night'),
      store.rename('tiny', 'night', 'sea'),
    ]);
    assert.deepEqual(
      crossed.map(({ status }) => status),
      ['rejected', 'rejected'],
    );
    const again = await open();
    assert.deepEqual(again.names('tiny'), ['night', 'sea']);
    const more = again.put(sampleConcept('more'), undefined, quota);
    await assert.rejects(more, hasCode('concept_quota_exceeded'), 'it is still of the key that made it');
  });

  law('number and bytes are bounded, replacing needs no room, and deleting makes some', async ({ open }) => {
    const concept = (name: string) => createConcept(sampleFields(name));
    const { byteLength } = concept('a').vectors;
    const refused = (error: unknown) =>
      hasCode('concept_quota_exceeded')(error) && (error as SteerdError).status === 507;
    for (const quota of [
      { concepts: 2, bytes: 1e9 },
      { concepts: 100, bytes: 2 * byteLength + 1 },
    ]) {
      const store = await open({ quota });
      await store.put(concept('a'));
      await store.put(concept('b'));
      await assert.rejects(store.put(concept('c')), refused);
      assert.throws(() => store.checkRoom('tiny', 'c', { key: 'k', most: 0 }), refused);
      assert.equal(store.find('tiny', 'c'), undefined);
      await store.put(concept('b'));
      await store.delete('tiny', 'a');
      const both = await Promise.allSettled([store.put(concept('c')), store.put(concept('d'))]);
      assert.deepEqual(
        both.map(({ status }) => status).sort(),
        ['fulfilled', 'rejected'],
        'of two at once one fits',
      );
      for (const { name } of store.list()) await store.delete('tiny', name);
    }
  });

  law("a key's own quota counts what it made, over a restart too", async ({ open }) => {
    const maker = { key: 'key-1', most: 1 };
    const first = await open();
    await first.put(sampleConcept('others'));
    await first.put(sampleConcept('mine'), undefined, maker);
    await first.put(sample(2, 'mine'), undefined, maker);
    await first.put(sample(2, 'others'), undefined, maker);
    const refused = hasCode('concept_quota_exceeded');
    await assert.rejects(first.put(sampleConcept('more'), undefined, maker), refused);
    const store = await open();
    assert.throws(() => store.checkRoom('tiny', 'more', maker), refused);
    store.checkRoom('tiny', 'mine', maker);
    store.checkRoom('tiny', 'more', { key: 'key-2', most: 1 });
    await store.delete('tiny', 'mine');
    await store.put(sampleConcept('more'), undefined, maker);
  });

  law('what is aborted before it is stored leaves what was there', async ({ open }) => {
    const store = await open();
    const before = await store.put(sample(1));
    const reason = new Error('gone');
    await assert.rejects(store.put(sample(2), AbortSignal.abort(reason)), reason);
    assert.deepEqual(await store.load('tiny', 'ocean'), before);
    assert.equal((await store.versions('tiny', 'ocean')).length, 1);
  });

  law('a concept whose version is wrong is not stored', async ({ open }) => {
    const store = await open();
    await assert.rejects(store.put({ ...sample(1), version: '0'.repeat(64) }));
    assert.deepEqual(store.list(), []);
  });
}
