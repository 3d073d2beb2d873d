/** What the budget must keep to, whoever comes and goes: models here are numbers, and leave when told. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';
import { type Evictable, MemoryBudget } from '../../../src/models/serve/memory-budget.js';
import { randomIntegers } from '../../text/tiny-tokenizers.js';

class FakeModel implements Evictable {
  idle = true;
  pinned = false;
  leastBytes?: number;
  lastUsed = 0;
  /** How often it was asked to leave. */
  asked = 0;
  /** Leaves when it is asked and idle; else when `finish` is called. */
  evict = () => {
    this.asked++;
    if (this.idle) setImmediate(() => this.budget.release(this));
    return true;
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
  const model = (id: string, bytes: number, part: Partial<FakeModel> = {}) =>
    Object.assign(new FakeModel(budget, id, bytes), part);
  /** Whether it has been let in after a few turns. */
  const enters = async (one: Evictable, signal = never) => {
    let inside = false;
    const entered = budget.reserve(one, signal).then(() => {
      inside = true;
    });
    entered.catch(() => {});
    for (let turn = 0; turn < 5; turn++) await nextTurn();
    return { inside: () => inside, entered };
  };
  return { budget, model, enters };
}

test('the least recently used idle ones make room, and no more of them than needed', async () => {
  const { budget, model, enters } = setup(10);
  const [old, older, young] = [
    model('old', 3, { lastUsed: 2 }),
    model('older', 3, { lastUsed: 1 }),
    model('young', 3, { lastUsed: 3 }),
  ];
  for (const one of [old, older, young]) assert.ok((await enters(one)).inside());
  assert.ok((await enters(model('new', 3))).inside());
  assert.deepEqual([older.asked, old.asked, young.asked], [1, 0, 0]);
  assert.equal(budget.used, 9);
});

test('nobody in use or pinned is sent away: whoever needs the room waits until a use ends', async () => {
  const { budget, model, enters } = setup(10);
  const used = model('used', 4, { idle: false });
  const pinned = model('pinned', 4, { pinned: true });
  await enters(used);
  await enters(pinned);
  const { inside, entered } = await enters(model('new', 4));
  assert.ok(!inside());
  assert.deepEqual([used.asked, pinned.asked], [0, 0]);
  used.finish();
  await entered;
  assert.deepEqual([used.asked, pinned.asked, budget.used], [1, 0, 8]);
});

test('an idle one stays while its leaving alone would not be enough', async () => {
  const { model, enters } = setup(10);
  const idle = model('idle', 2);
  const used = model('used', 6, { idle: false });
  await enters(idle);
  await enters(used);
  const { inside } = await enters(model('large', 9));
  assert.ok(!inside());
  assert.deepEqual([idle.asked, used.asked], [0, 0]);
});

test('after a while those in use are asked to leave, and leave when their uses end', async () => {
  const { model, enters } = setup(10, { patienceMilliseconds: 20 });
  const used = model('used', 8, { idle: false });
  await enters(used);
  const { inside, entered } = await enters(model('new', 8));
  while (used.asked === 0) await nextTurn();
  assert.ok(!inside());
  used.finish();
  await entered;
  assert.equal(used.asked, 1);
});

test('one that cannot leave yet is told again when it can', async () => {
  const { budget, model, enters } = setup(10, { patienceMilliseconds: 20 });
  const loading = model('loading', 8, { idle: false, evict: () => false });
  await enters(loading);
  const { inside, entered } = await enters(model('new', 8));
  await pause(40);
  assert.ok(!inside());
  loading.evict = () => {
    setImmediate(() => budget.release(loading));
    return true;
  };
  budget.changed();
  await entered;
});

test('room is given in the order it was asked for', async () => {
  const { model, enters } = setup(10);
  const used = model('used', 9, { idle: false });
  await enters(used);
  const large = await enters(model('large', 8));
  // There would be room for this one now, but the other was first.
  const small = await enters(model('small', 1));
  assert.ok(!large.inside() && !small.inside());
  used.finish();
  await large.entered;
  await small.entered;
});

test('one that gives up makes room for the next in the queue', async () => {
  const { model, enters } = setup(10);
  await enters(model('used', 5, { idle: false }));
  const gaveUp = new AbortController();
  const large = await enters(model('large', 9), gaveUp.signal);
  const small = await enters(model('small', 5));
  assert.ok(!small.inside());
  gaveUp.abort(new Error('no more'));
  await assert.rejects(large.entered, /no more/);
  await small.entered;
});

test('a limit that is not hard is kept as long as idle ones can leave, and no longer', async () => {
  const { budget, model, enters } = setup(10, { hard: false });
  const idle = model('idle', 4);
  await enters(idle);
  assert.ok((await enters(model('used', 8, { idle: false }))).inside());
  assert.deepEqual([idle.asked, budget.used], [1, 8]);
  assert.ok((await enters(model('more', 8))).inside());
  assert.equal(budget.most, Number.POSITIVE_INFINITY);
});

test('what could ever be had is the limit without the pinned ones', async () => {
  const { budget, model, enters } = setup(10);
  await enters(model('pinned', 4, { pinned: true }));
  await enters(model('other', 4));
  assert.equal(budget.most, 6);
});

test('in any course of events the limit is kept, and everybody comes in at last', async () => {
  for (let seed = 1; seed <= 30; seed++) {
    const random = randomIntegers(seed);
    const limit = 100;
    const { budget, model } = setup(limit, { patienceMilliseconds: 5 });
    let clock = 0;
    const life = async (id: string) => {
      for (let round = 0; round < 4; round++) {
        const one = model(id, 1 + random(60), { idle: false });
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

test('what models only keep fills the room that is left, and is taken back first', async () => {
  const { budget, model, enters } = setup(100);
  class Keeper extends FakeModel {
    kept = 0;
    keepsAtMost = 50;
    constructor(
      id: string,
      readonly own: number,
    ) {
      super(budget, id, own);
      Object.defineProperty(this, 'bytes', { get: () => this.own + this.kept });
    }
    keep(bytes: number): void {
      this.kept = bytes;
    }
  }
  const [old, young] = [new Keeper('old', 20), new Keeper('young', 20)];
  young.lastUsed = 1;
  await enters(old);
  await enters(young);
  budget.changed();
  assert.deepEqual([old.kept, young.kept, budget.used], [50, 10, 100]);
  // The one used least recently gives first, and nobody is sent away for it.
  assert.ok((await enters(model('new', 30, { lastUsed: 2 }))).inside());
  assert.deepEqual([old.kept, young.kept, old.asked, young.asked, budget.used], [20, 10, 0, 0, 100]);
  assert.ok(budget.grow(30));
  assert.deepEqual([old.kept, young.kept], [0, 0]);
});

test('a model that may not grow is told when it can try again, and idle ones leave only if that helps', async () => {
  const { budget, model, enters } = setup(10);
  let tries = 0;
  const idle = model('idle', 3);
  const growing = Object.assign(model('growing', 5, { idle: false }), { retry: () => tries++ });
  await enters(idle);
  await enters(growing);
  tries = 0;
  assert.ok(budget.grow(2));
  assert.ok(!budget.grow(6));
  assert.equal(idle.asked, 0);
  assert.ok(!budget.grow(4));
  assert.equal(idle.asked, 1);
  for (let turn = 0; turn < 3; turn++) await nextTurn();
  assert.ok(tries > 0);
  assert.ok(budget.grow(4));
});

test('what a pinned model has only for now is no reason to refuse another one for good', async () => {
  const { budget, model, enters } = setup(10);
  await enters(model('pinned', 9, { pinned: true, leastBytes: 4 }));
  assert.equal(budget.most, 6);
});

test('a limit that is not hard lets models grow beyond it', async () => {
  const { budget, model, enters } = setup(10, { hard: false });
  await enters(model('only', 8, { idle: false }));
  assert.ok(budget.grow(20));
});
