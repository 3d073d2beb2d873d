/** What the budget must keep to, whoever comes and goes: residents here are numbers, and leave when told. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { MemoryBudget, type Resident } from '../../../src/models/serve/memory-budget.js';
import { randomIntegers } from '../../text/tiny-tokenizers.js';

class FakeResident implements Resident {
  idle = true;
  pinned = false;
  lastUsed = 0;
  /** How often it was asked to leave. */
  asked = 0;
  /** Leaves when it is asked and idle; else when `finish` is called. */
  leave = () => {
    this.asked++;
    if (this.idle) setImmediate(() => this.budget.release(this));
  };

  constructor(
    readonly budget: MemoryBudget,
    readonly id: string,
    readonly bytes: number,
  ) {}

  finish(): void {
    this.idle = true;
    if (this.asked > 0) this.budget.release(this);
    else this.budget.changed();
  }
}

const never = new AbortController().signal;

function setup(limit: number, { hard = true, patienceMilliseconds = 60_000 } = {}) {
  const budget = new MemoryBudget({ limit, hard, patienceMilliseconds });
  const resident = (id: string, bytes: number, part: Partial<FakeResident> = {}) =>
    Object.assign(new FakeResident(budget, id, bytes), part);
  /** Whether it has been let in after a few turns. */
  const enters = async (one: Resident, signal = never) => {
    let inside = false;
    const entered = budget.reserve(one, signal).then(() => {
      inside = true;
    });
    entered.catch(() => {});
    for (let turn = 0; turn < 5; turn++) await nextTurn();
    return { inside: () => inside, entered };
  };
  return { budget, resident, enters };
}

test('the least recently used idle ones make room, and no more of them than needed', async () => {
  const { budget, resident, enters } = setup(10);
  const [old, older, young] = [
    resident('old', 3, { lastUsed: 2 }),
    resident('older', 3, { lastUsed: 1 }),
    resident('young', 3, { lastUsed: 3 }),
  ];
  for (const one of [old, older, young]) assert.ok((await enters(one)).inside());
  assert.ok((await enters(resident('new', 3))).inside());
  assert.deepEqual([older.asked, old.asked, young.asked], [1, 0, 0]);
  assert.equal(budget.used, 9);
});

test('nobody in use or pinned is sent away: whoever needs the room waits until a use ends', async () => {
  const { budget, resident, enters } = setup(10);
  const used = resident('used', 4, { idle: false });
  const pinned = resident('pinned', 4, { pinned: true });
  await enters(used);
  await enters(pinned);
  const { inside, entered } = await enters(resident('new', 4));
  assert.ok(!inside());
  assert.deepEqual([used.asked, pinned.asked], [0, 0]);
  used.finish();
  await entered;
  assert.deepEqual([used.asked, pinned.asked, budget.used], [1, 0, 8]);
});

test('an idle one stays while its leaving alone would not be enough', async () => {
  const { resident, enters } = setup(10);
  const idle = resident('idle', 2);
  const used = resident('used', 6, { idle: false });
  await enters(idle);
  await enters(used);
  const { inside } = await enters(resident('large', 9));
  assert.ok(!inside());
  assert.deepEqual([idle.asked, used.asked], [0, 0]);
});

test('after a while those in use are asked to leave, and leave when their uses end', async () => {
  const { resident, enters } = setup(10, { patienceMilliseconds: 20 });
  const used = resident('used', 8, { idle: false });
  await enters(used);
  const { inside, entered } = await enters(resident('new', 8));
  while (used.asked === 0) await nextTurn();
  assert.ok(!inside());
  used.finish();
  await entered;
  assert.equal(used.asked, 1);
});

test('room is given in the order it was asked for', async () => {
  const { resident, enters } = setup(10);
  const used = resident('used', 9, { idle: false });
  await enters(used);
  const large = await enters(resident('large', 8));
  // There would be room for this one now, but the other was first.
  const small = await enters(resident('small', 1));
  assert.ok(!large.inside() && !small.inside());
  used.finish();
  await large.entered;
  await small.entered;
});

test('one that gives up makes room for the next in the queue', async () => {
  const { resident, enters } = setup(10);
  await enters(resident('used', 5, { idle: false }));
  const gaveUp = new AbortController();
  const large = await enters(resident('large', 9), gaveUp.signal);
  const small = await enters(resident('small', 5));
  assert.ok(!small.inside());
  gaveUp.abort(new Error('no more'));
  await assert.rejects(large.entered, /no more/);
  await small.entered;
});

test('a limit that is not hard is kept as long as idle ones can leave, and no longer', async () => {
  const { budget, resident, enters } = setup(10, { hard: false });
  const idle = resident('idle', 4);
  await enters(idle);
  assert.ok((await enters(resident('used', 8, { idle: false }))).inside());
  assert.deepEqual([idle.asked, budget.used], [1, 8]);
  assert.ok((await enters(resident('more', 8))).inside());
  assert.equal(budget.most, Number.POSITIVE_INFINITY);
});

test('what could ever be had is the limit without the pinned ones', async () => {
  const { budget, resident, enters } = setup(10);
  await enters(resident('pinned', 4, { pinned: true }));
  await enters(resident('other', 4));
  assert.equal(budget.most, 6);
});

test('in any course of events the limit is kept, and everybody comes in at last', async () => {
  for (let seed = 1; seed <= 30; seed++) {
    const random = randomIntegers(seed);
    const limit = 100;
    const { budget, resident } = setup(limit, { patienceMilliseconds: 5 });
    let clock = 0;
    const life = async (id: string) => {
      for (let round = 0; round < 4; round++) {
        const one = resident(id, 1 + random(60), { idle: false });
        await budget.reserve(one, never);
        assert.ok(budget.used <= limit, `seed ${seed}: ${budget.used}`);
        for (let turn = random(4); turn > 0; turn--) await nextTurn();
        one.lastUsed = ++clock;
        one.finish();
        // It is in nobody's hands now, and must leave when asked.
      }
    };
    await Promise.all(Array.from({ length: 8 }, (_, i) => life(`${seed} ${i}`)));
    assert.ok(budget.used <= limit);
  }
});
