import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../../src/common/random.js';
import type { Priority } from '../../../src/engine/protocol.js';
import { ReadQueue } from '../../../src/engine/schedule/read-queue.js';

const read = (id: number, row: 'score' | 'capture', priority: Priority = 'background') => ({
  id,
  row,
  priority,
});

test('interactive reads come first, equals in the order of arrival', () => {
  const queue = new ReadQueue<ReturnType<typeof read>>();
  assert.equal(queue.next(), null);
  queue.add(read(1, 'capture'));
  queue.add(read(2, 'score'));
  queue.add(read(3, 'score', 'interactive'));
  queue.add(read(4, 'score', 'interactive'));
  const order: [number, boolean][] = [];
  for (let next = queue.next(); next; next = queue.next()) {
    order.push([next.read.id, next.urgent]);
    queue.remove(next.read.id);
  }
  assert.deepEqual(order, [
    [3, true],
    [4, true],
    [1, false],
    [2, false],
  ]);
});

test('an interactive read waits for the begun one of its row, which becomes urgent, and passes all others', () => {
  const queue = new ReadQueue<ReturnType<typeof read>>();
  for (const one of [read(1, 'capture'), read(2, 'score'), read(3, 'score')]) {
    queue.add(one);
    if (one.id < 3) queue.begin(one);
  }
  queue.add(read(4, 'score', 'interactive'));
  assert.deepEqual([queue.next()?.read.id, queue.next()?.urgent], [2, true]);
  queue.remove(2);
  assert.deepEqual([queue.next()?.read.id, queue.next()?.urgent], [4, true]);
  queue.remove(4);
  assert.deepEqual([queue.next()?.read.id, queue.next()?.urgent], [1, false]);
});

test('a read that can be interrupted gives its row to an interactive one, and goes on afterwards', () => {
  const queue = new ReadQueue<ReturnType<typeof read>>();
  const [long, other] = [read(1, 'score'), read(2, 'score')];
  queue.add(long);
  queue.add(other);
  queue.begin(long);
  queue.add(read(3, 'score', 'interactive'));
  assert.equal(queue.next()?.read, long);
  // One that does not have the row frees nothing.
  queue.pause(other);
  assert.equal(queue.next()?.read, long);
  queue.pause(long);
  assert.equal(queue.next()?.read.id, 3);
  queue.remove(3);
  assert.equal(queue.next()?.read, long);
});

test('no read is ever stepped while another of its row is half done; all end', () => {
  const random = new Random(9);
  const upTo = (n: number) => random.bits() % n;
  const queue = new ReadQueue<ReturnType<typeof read>>();
  const left = new Map<number, number>();
  const half = new Map<string, number>();
  for (let turn = 0, id = 1; turn < 5000 || queue.length > 0; turn++) {
    if (turn < 5000 && upTo(4) === 0) {
      left.set(id, 1 + upTo(4));
      queue.add(
        read(id++, upTo(2) === 0 ? 'score' : 'capture', upTo(3) === 0 ? 'interactive' : 'background'),
      );
    }
    if (upTo(20) === 0) {
      const [cancelled] = [...left.keys()];
      if (cancelled !== undefined) {
        queue.remove(cancelled);
        left.delete(cancelled);
        for (const [row, held] of half) if (held === cancelled) half.delete(row);
      }
    }
    const next = queue.next();
    if (!next) continue;
    const { read: stepped } = next;
    const holder = half.get(stepped.row);
    assert.ok(holder === undefined || holder === stepped.id);
    queue.begin(stepped);
    half.set(stepped.row, stepped.id);
    const steps = (left.get(stepped.id) ?? 0) - 1;
    left.set(stepped.id, steps);
    if (steps > 0) continue;
    queue.remove(stepped.id);
    left.delete(stepped.id);
    half.delete(stepped.row);
  }
  assert.equal(left.size, 0);
});
