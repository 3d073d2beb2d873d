/** The scheduler on its own: sequences that compute nothing, and a model of what each slot holds. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Random } from '../../../src/common/random.js';
import { greedy, type Priority, type SequenceRequest } from '../../../src/engine/protocol.js';
import { uncut } from '../../../src/engine/schedule/chunks.js';
import { type Prefill, Scheduler } from '../../../src/engine/schedule/scheduler.js';
import { Sequence } from '../../../src/engine/schedule/sequence.js';
import type { RowMove } from '../../../src/engine/schedule/slot-table.js';

function sequence(
  id: number,
  promptLength: number,
  priority: Priority = 'interactive',
  more: Partial<SequenceRequest> = {},
): Sequence {
  const request: SequenceRequest = {
    prompt: new Array<number>(promptLength).fill(1),
    maxTokens: 10,
    stopTokens: [],
    minTokens: 0,
    sampling: greedy,
    edit: [],
    priority,
    ...more,
  };
  return new Sequence(id, request);
}

/** One engine step without an engine. Returns the plan it followed. */
function step(scheduler: Scheduler) {
  const plan = scheduler.plan();
  for (const { sequence: filling, to } of plan.prefill?.chunks ?? []) {
    filling.computed = to;
    if (to === filling.request.prompt.length) scheduler.promote(filling);
  }
  for (const running of plan.decode) running.computed++;
  return { ...plan, chunk: plan.prefill?.chunks[0] ?? null };
}

/** Whose prompt would be read now. */
const nextId = (scheduler: Scheduler, backgroundMayRun: boolean) =>
  scheduler.plan(backgroundMayRun).prefill?.chunks[0]?.sequence.id ?? null;

const ids = (sequences: readonly Sequence[]) => sequences.map(({ id }) => id);

describe('one step', () => {
  test('a prompt is computed in chunks, then decodes from the next step on', () => {
    const scheduler = new Scheduler(2, 4);
    scheduler.enqueue(sequence(1, 10));
    const chunks = [0, 1, 2].map(() => {
      const { chunk, decode } = step(scheduler);
      assert.deepEqual(decode, []);
      return [chunk?.slot, chunk?.from, chunk?.to];
    });
    assert.deepEqual(chunks, [
      [0, 0, 4],
      [0, 4, 8],
      [0, 8, 10],
    ]);
    const { prefill, decode } = step(scheduler);
    assert.equal(prefill, null);
    assert.deepEqual(ids(decode), [1]);
  });

  test('a prompt whose log-probabilities are wanted goes in short chunks, but whole where it must be whole', () => {
    for (const [chunk, ends] of [
      [512, [64, 128, 150]],
      [uncut, [150]],
    ] as const) {
      const scheduler = new Scheduler(1, chunk);
      scheduler.enqueue(sequence(1, 150, 'interactive', { logprobs: 0, promptLogprobs: true }));
      assert.deepEqual(
        ends.map(() => step(scheduler).chunk?.to),
        ends,
      );
    }
  });

  test("running sequences decode in every step of another one's prefill", () => {
    const scheduler = new Scheduler(2, 4);
    scheduler.enqueue(sequence(1, 1));
    step(scheduler);
    scheduler.enqueue(sequence(2, 12));
    for (let i = 0; i < 3; i++) {
      const { chunk, decode } = step(scheduler);
      assert.equal(chunk?.slot, 1);
      assert.deepEqual(ids(decode), [1]);
    }
    assert.deepEqual(ids(step(scheduler).decode), [1, 2]);
  });

  test('no more sequences run than there are slots', () => {
    const scheduler = new Scheduler(3, 8);
    for (let id = 1; id <= 5; id++) scheduler.enqueue(sequence(id, 2));
    for (let i = 0; i < 10; i++) {
      step(scheduler);
      assert.ok(scheduler.running <= 3);
    }
    assert.deepEqual(ids(scheduler.plan().decode), [1, 2, 3]);
    scheduler.remove(2);
    step(scheduler);
    assert.deepEqual(ids(scheduler.plan().decode), [1, 3, 4]);
  });

  test('idle means that nothing waits and nothing runs', () => {
    const scheduler = new Scheduler(1, 8);
    assert.ok(scheduler.idle);
    scheduler.enqueue(sequence(1, 20, 'background'));
    assert.ok(!scheduler.idle);
    step(scheduler);
    assert.ok(!scheduler.idle);
    scheduler.remove(1);
    assert.ok(scheduler.idle);
  });
});

describe('priorities', () => {
  test('interactive sequences go first, however late they came', () => {
    const scheduler = new Scheduler(4, 8);
    for (const id of [1, 2]) scheduler.enqueue(sequence(id, 2, 'background'));
    for (const id of [3, 4]) scheduler.enqueue(sequence(id, 2));
    for (let i = 0; i < 4; i++) step(scheduler);
    assert.deepEqual(ids(scheduler.plan().decode), [3, 4, 1]);
  });

  for (const slots of [1, 2, 3, 8])
    test(`background work takes at most half of ${slots} slots, and at least one`, () => {
      const scheduler = new Scheduler(slots, 8);
      for (let id = 1; id <= 20; id++) scheduler.enqueue(sequence(id, 2, 'background'));
      for (let i = 0; i < 20; i++) step(scheduler);
      assert.equal(scheduler.running, Math.max(1, Math.floor(slots / 2)));
      scheduler.enqueue(sequence(100, 2));
      step(scheduler);
      const admitted = ids(scheduler.plan().decode).includes(100);
      assert.equal(admitted, slots > 1, 'an interactive sequence finds a slot, unless there is only one');
    });

  test('beside streams background rows are at most half as many, and come back when those end', () => {
    const scheduler = new Scheduler(16, 8);
    for (let id = 1; id <= 4; id++) scheduler.enqueue(sequence(id, 2));
    for (let id = 11; id <= 20; id++) scheduler.enqueue(sequence(id, 2, 'background'));
    for (let i = 0; i < 20; i++) step(scheduler);
    assert.deepEqual(new Set(ids(scheduler.plan().decode)), new Set([1, 2, 3, 4, 11, 12]));
    for (let id = 1; id <= 4; id++) scheduler.remove(id);
    for (let i = 0; i < 20; i++) step(scheduler);
    assert.equal(scheduler.running, 8);
  });

  test('prompts that arrive without end pass a background one a few times, not for ever', () => {
    const scheduler = new Scheduler(2, 8);
    scheduler.enqueue(sequence(1, 2, 'background'));
    let passed = 0;
    for (let id = 11; ; id++, passed++) {
      assert.ok(passed < 10);
      scheduler.enqueue(sequence(id, 2));
      if (step(scheduler).chunk?.sequence.id === 1) break;
      scheduler.remove(id);
    }
    assert.ok(passed >= 3);
    assert.deepEqual(ids(scheduler.plan().decode), [1]);
  });

  test('a background prompt waits while it may not run, unless an interactive one is behind it', () => {
    const scheduler = new Scheduler(4, 4);
    scheduler.enqueue(sequence(1, 2));
    step(scheduler);
    scheduler.enqueue(sequence(2, 12, 'background'));
    assert.equal(nextId(scheduler, false), null);
    step(scheduler);
    assert.ok(scheduler.streaming);
    assert.equal(nextId(scheduler, false), null, 'half way it waits too');
    scheduler.enqueue(sequence(3, 2));
    assert.equal(nextId(scheduler, false), 2);
    for (let i = 0; i < 2; i++) step(scheduler);
    assert.equal(nextId(scheduler, false), 3);
    for (const id of [1, 3]) scheduler.remove(id);
    assert.ok(!scheduler.streaming);
  });
});

describe('many prompts', () => {
  const able = { batches: true, passing: true };
  const lengths = (plan: { readonly prefill: Prefill | null }) =>
    plan.prefill?.chunks.map(({ sequence: { request } }) => request.prompt.length);

  test('short ones are read together, padded no more than a quarter, as many as a run holds', () => {
    const scheduler = new Scheduler(16, 512, undefined, able);
    for (let id = 1; id <= 8; id++) scheduler.enqueue(sequence(id, 40 + id));
    scheduler.enqueue(sequence(9, 8));
    const first = step(scheduler);
    assert.deepEqual(lengths(first), [8], 'much padding otherwise');
    const second = step(scheduler);
    assert.deepEqual(lengths(second), [41, 42, 43, 44, 45, 46, 47, 48]);
    assert.equal(second.prefill?.whole, true);
    assert.deepEqual(
      second.prefill?.chunks.map(({ slot }) => slot),
      [1, 2, 3, 4, 5, 6, 7, 8],
    );
    assert.deepEqual(ids(scheduler.plan().decode).length, 9);
  });

  test('a short one passes a long one that is half read, which goes on', () => {
    const scheduler = new Scheduler(4, 64, undefined, able);
    scheduler.enqueue(sequence(1, 1000));
    for (let i = 0; i < 3; i++) step(scheduler);
    const long = scheduler.all()[0] as Sequence;
    const before = long.computed;
    scheduler.enqueue(sequence(2, 30));
    assert.equal(step(scheduler).chunk?.sequence.id, 2);
    assert.equal(long.computed, before);
    const { chunk, decode } = step(scheduler);
    assert.deepEqual([chunk?.sequence.id, chunk?.from], [1, before]);
    assert.deepEqual(ids(decode), [2]);
  });

  test('however many short ones come, a long one is read', () => {
    const scheduler = new Scheduler(4, 64, undefined, able);
    scheduler.enqueue(sequence(1, 640));
    step(scheduler);
    let turns = 0;
    for (let id = 2; ; id++, turns++) {
      scheduler.enqueue(sequence(id, 30));
      const { decode } = step(scheduler);
      if (ids(decode).includes(1)) break;
      for (const running of decode) scheduler.remove(running.id);
      assert.ok(turns < 60);
    }
    assert.ok(turns > 10);
  });

  test('background prompts and streams are never one run', () => {
    const scheduler = new Scheduler(8, 512, undefined, able);
    for (let id = 1; id <= 3; id++) scheduler.enqueue(sequence(id, 20, 'background'));
    for (let id = 11; id <= 13; id++) scheduler.enqueue(sequence(id, 20));
    assert.deepEqual(
      step(scheduler).prefill?.chunks.map(({ sequence: { id } }) => id),
      [11, 12, 13],
    );
    assert.deepEqual(
      step(scheduler).prefill?.chunks.map(({ sequence: { id } }) => id),
      [1],
    );
  });

  test('beside streams a part of a long prompt is short, a short prompt is read whole', () => {
    const scheduler = new Scheduler(8, 512, undefined, able);
    const limits = { whole: 150, part: 40 };
    scheduler.enqueue(sequence(1, 20));
    step(scheduler);
    scheduler.enqueue(sequence(2, 1000));
    const { prefill } = scheduler.plan(true, limits);
    assert.deepEqual([prefill?.chunks[0]?.from, prefill?.chunks[0]?.to], [0, 40]);
    scheduler.enqueue(sequence(3, 100));
    const next = scheduler.plan(true, limits).prefill;
    assert.deepEqual([next?.whole, next?.chunks[0]?.to], [true, 100]);
  });
});

describe('removing', () => {
  for (const abilities of [
    { batches: false, passing: false },
    { batches: false, passing: true },
    { batches: true, passing: true },
  ])
    test(`whatever comes and leaves, each slot holds its sequence's KV: ${JSON.stringify(abilities)}`, () => {
      for (let round = 0; round < 80; round++) {
        const random = new Random(round);
        const upTo = (count: number) => Math.floor(random.uniform() * count);
        const slots = 1 + upTo(6);
        /** What a cache would hold: slot -> the token positions of a sequence, in order. */
        const cache = Array.from({ length: slots }, () => [] as string[]);
        const write = (slot: number, { id }: Sequence, from: number, to: number) => {
          assert.ok(slot < slots, 'inside the cache');
          const row = cache[slot] ?? [];
          for (let at = from; at < to; at++) row[at] = `${id}:${at}`;
        };
        const move = (moves: readonly RowMove[]) => {
          for (const { from, to, length, exchange } of moves) {
            const [source = [], target = []] = [cache[from], cache[to]];
            const [moved, back] = [source.slice(0, length), target.slice(0, length)];
            target.splice(0, length, ...moved);
            // What a plain move leaves behind is lost.
            source.splice(0, length, ...(exchange ? back : back.map(() => 'lost')));
          }
        };
        /** Of some prompts a beginning is known. */
        const begin = (begun: Sequence, slot: number) => {
          const known = begun.id % 3 === 0 ? Math.floor(begun.request.prompt.length / 2) : 0;
          write(slot, begun, 0, known);
          return known;
        };
        const scheduler = new Scheduler(slots, 2 + upTo(20), begin, abilities);
        const known = new Map<number, Sequence>();
        let nextId = 1;
        const check = (slot: number, { id, computed }: Sequence) => {
          const expected = Array.from({ length: computed }, (_, at) => `${id}:${at}`);
          assert.deepEqual(cache[slot]?.slice(0, computed), expected, `round ${round}, slot ${slot}`);
        };

        for (let turn = 0; turn < 100; turn++) {
          const what = upTo(10);
          if (what < 3) {
            const added = sequence(nextId++, 1 + upTo(30), upTo(3) === 0 ? 'background' : 'interactive');
            known.set(added.id, added);
            scheduler.enqueue(added);
          } else if (what < 5 && known.size > 0) {
            const id = [...known.keys()][upTo(known.size)] ?? 0;
            known.delete(id);
            move(scheduler.remove(id));
          } else {
            const plan = scheduler.plan(upTo(4) > 0);
            move(plan.moves);
            const chunks = plan.prefill?.chunks ?? [];
            for (const [index, { sequence: filling, slot, from, to }] of chunks.entries()) {
              check(slot, filling);
              assert.equal(slot, (chunks[0]?.slot ?? 0) + index, 'neighbouring slots');
              assert.ok(!plan.prefill?.whole || (from === 0 && to === filling.request.prompt.length));
              assert.equal(filling.request.priority, chunks[0]?.sequence.request.priority);
              write(slot, filling, from, to);
              filling.computed = to;
            }
            for (const { sequence: filling, to } of chunks)
              if (to === filling.request.prompt.length) move(scheduler.promote(filling));
            plan.decode.forEach((running, slot) => {
              check(slot, running);
              write(slot, running, running.computed, running.computed + 1);
              running.computed++;
            });
          }
          assert.ok(scheduler.running <= slots);
          assert.deepEqual(new Set(ids(scheduler.all())), new Set(known.keys()), 'none is lost, none stays');
        }
        for (let turn = 0; scheduler.all().some(({ lastToken }) => lastToken < 0); turn++) {
          assert.ok(turn < 2000, `round ${round}: everything ends`);
          const { decode } = step(scheduler);
          for (const { id } of decode) scheduler.remove(id);
        }
      }
    });

  test('an unknown id changes nothing', () => {
    const scheduler = new Scheduler(2, 8);
    scheduler.enqueue(sequence(1, 3));
    step(scheduler);
    assert.deepEqual(scheduler.remove(99), []);
    assert.deepEqual(ids(scheduler.plan().decode), [1]);
  });
});
