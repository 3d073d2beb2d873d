/** The scheduler on its own: sequences that compute nothing, and a model of what each slot holds. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Random } from '../../../src/common/random.js';
import { greedy, type Priority, type SequenceRequest } from '../../../src/engine/protocol.js';
import { uncut } from '../../../src/engine/schedule/chunks.js';
import { Scheduler } from '../../../src/engine/schedule/scheduler.js';
import { Sequence } from '../../../src/engine/schedule/sequence.js';

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
  if (plan.prefill) {
    const { sequence: filling, to } = plan.prefill;
    filling.computed = to;
    if (to === filling.request.prompt.length) scheduler.promote(filling);
  }
  for (const running of plan.decode) running.computed++;
  return plan;
}

const ids = (sequences: readonly Sequence[]) => sequences.map(({ id }) => id);

describe('one step', () => {
  test('a prompt is computed in chunks, then decodes from the next step on', () => {
    const scheduler = new Scheduler(2, 4);
    scheduler.enqueue(sequence(1, 10));
    const chunks = [0, 1, 2].map(() => {
      const { prefill, decode } = step(scheduler);
      assert.deepEqual(decode, []);
      return [prefill?.slot, prefill?.from, prefill?.to];
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
        ends.map(() => step(scheduler).prefill?.to),
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
      const { prefill, decode } = step(scheduler);
      assert.equal(prefill?.slot, 1);
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
      if (step(scheduler).prefill?.sequence.id === 1) break;
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
    assert.equal(scheduler.plan(false).prefill, null);
    step(scheduler);
    assert.ok(scheduler.streaming);
    assert.equal(scheduler.plan(false).prefill, null, 'half way it waits too');
    scheduler.enqueue(sequence(3, 2));
    assert.equal(scheduler.plan(false).prefill?.sequence.id, 2);
    for (let i = 0; i < 2; i++) step(scheduler);
    assert.equal(scheduler.plan(false).prefill?.sequence.id, 3);
    for (const id of [1, 3]) scheduler.remove(id);
    assert.ok(!scheduler.streaming);
  });
});

describe('removing', () => {
  test("whatever leaves, each slot holds its sequence's KV after the moves", () => {
    for (let round = 0; round < 60; round++) {
      const random = new Random(round);
      const upTo = (count: number) => Math.floor(random.uniform() * count);
      const slots = 1 + upTo(6);
      const scheduler = new Scheduler(slots, 1 + upTo(5));
      /** What a cache would hold: slot -> the token positions of a sequence, in order. */
      const cache = Array.from({ length: slots }, () => [] as string[]);
      const known = new Map<number, Sequence>();
      let nextId = 1;

      const write = (slot: number, { id }: Sequence, from: number, to: number) => {
        assert.ok(slot < slots, 'inside the cache');
        const row = cache[slot] ?? [];
        for (let at = from; at < to; at++) row[at] = `${id}:${at}`;
      };
      const check = (slot: number, { id, computed }: Sequence) => {
        const expected = Array.from({ length: computed }, (_, at) => `${id}:${at}`);
        assert.deepEqual(cache[slot]?.slice(0, computed), expected, `round ${round}, slot ${slot}`);
      };

      for (let turn = 0; turn < 80; turn++) {
        const what = upTo(10);
        if (what < 3) {
          const added = sequence(nextId++, 1 + upTo(12), upTo(3) === 0 ? 'background' : 'interactive');
          known.set(added.id, added);
          scheduler.enqueue(added);
        } else if (what < 5 && known.size > 0) {
          const id = [...known.keys()][upTo(known.size)] ?? 0;
          known.delete(id);
          for (const { from, to, length } of scheduler.remove(id)) {
            assert.ok(from > to && from < slots, 'rows move down');
            cache[to]?.splice(0, length, ...(cache[from]?.slice(0, length) ?? []));
          }
        } else {
          const plan = scheduler.plan();
          if (plan.prefill) check(plan.prefill.slot, plan.prefill.sequence);
          plan.decode.forEach((running, slot) => {
            check(slot, running);
          });
          if (plan.prefill) {
            const { sequence: filling, slot, from, to } = plan.prefill;
            write(slot, filling, from, to);
            filling.computed = to;
            if (to === filling.request.prompt.length) scheduler.promote(filling);
          }
          plan.decode.forEach((running, slot) => {
            write(slot, running, running.computed, running.computed + 1);
            running.computed++;
          });
        }
        assert.deepEqual(new Set(ids(scheduler.all())), new Set(known.keys()), 'none is lost, none stays');
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
