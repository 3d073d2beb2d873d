/** Room for sequences: never more than was granted, everybody in at last, a lone one always. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { KvDemand } from '../../../src/models/serve/kv-demand.js';
import { randomIntegers } from '../../text/tiny-tokenizers.js';

const least = 200;

/** A model with two slots of 100 tokens of a byte each, and `limit` bytes for it. */
function setup(limit: number, queue = 50) {
  const demand: KvDemand = new KvDemand({
    slots: 2,
    tokenBytes: 1,
    capacity: 100,
    queue,
    grow: (bytes) => demand.bytes + bytes <= limit,
    shrunk: () => {},
  });
  const enters = async (tokens: number, signal?: AbortSignal) => {
    let inside = false;
    const entered = demand.take(tokens, signal).then((ended) => {
      inside = true;
      return ended;
    });
    entered.catch(() => {});
    for (let turn = 0; turn < 3; turn++) await nextTurn();
    return { inside: () => inside, entered };
  };
  return { demand, enters };
}

describe('demand for keys and values', () => {
  test('one sequence always runs, and counts nothing beyond what is always counted', async () => {
    const { demand, enters } = setup(0);
    assert.equal(demand.bytes, least);
    assert.ok((await enters(1000)).inside());
    assert.equal(demand.bytes, least);
  });

  test('it grows with what runs and shrinks when that ends', async () => {
    const { demand, enters } = setup(1000);
    const [first, second] = [await enters(90), await enters(70)];
    assert.equal(demand.bytes, 100 + 160);
    (await first.entered)();
    (await first.entered)();
    assert.equal(demand.bytes, least);
    (await second.entered)();
  });

  test('those behind the slots take no room until they may have one', async () => {
    const { demand, enters } = setup(1000);
    for (const tokens of [80, 80, 80, 60]) assert.ok((await enters(tokens)).inside());
    assert.equal(demand.bytes, 100 + 160);
  });

  test('who finds no room waits in order, and comes in when others end', async () => {
    const { enters } = setup(250);
    const first = await enters(90);
    const large = await enters(80);
    const small = await enters(10);
    assert.deepEqual([first.inside(), large.inside(), small.inside()], [true, false, false]);
    (await first.entered)();
    await large.entered;
    await small.entered;
  });

  test('one that gives up lets the next one in; a full queue and a model that is gone refuse', async () => {
    const { demand, enters } = setup(250, 2);
    const leaving = new AbortController();
    await enters(90);
    const large = await enters(80, leaving.signal);
    const small = await enters(10);
    await assert.rejects((await enters(5)).entered, { code: 'queue_full' });
    leaving.abort(new Error('left'));
    await assert.rejects(large.entered, /left/);
    await small.entered;
    const late = await enters(90);
    demand.close(new Error('gone'));
    await assert.rejects(late.entered, /gone/);
  });

  test('in any course of events the limit is kept, and everybody comes in', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = randomIntegers(seed);
      const limit = least + random(100);
      const { demand } = setup(limit, 1000);
      const life = async () => {
        for (let round = 0; round < 5; round++) {
          const ended = await demand.take(1 + random(120));
          assert.ok(demand.bytes <= limit, `seed ${seed}: ${demand.bytes}`);
          for (let turn = random(4); turn > 0; turn--) await nextTurn();
          ended();
        }
      };
      await Promise.all(Array.from({ length: 6 }, life));
      assert.equal(demand.bytes, least);
    }
  });
});
