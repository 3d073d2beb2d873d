/** Turns on their own: sequences and reads that compute nothing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Priority } from '../../../src/engine/protocol.js';
import { Pace } from '../../../src/engine/schedule/pace.js';
import { ReadQueue } from '../../../src/engine/schedule/read-queue.js';
import { Scheduler } from '../../../src/engine/schedule/scheduler.js';
import { Sequence } from '../../../src/engine/schedule/sequence.js';
import { Turns } from '../../../src/engine/schedule/turns.js';
import { request } from '../../helpers/engine.js';

const chunk = 4;

function start() {
  const scheduler = new Scheduler(4, chunk);
  const reads = new ReadQueue<{ id: number; priority: Priority; row: string }>();
  const turns = new Turns(scheduler, reads, new Pace(chunk));
  /** One turn; says what it was. */
  const turn = () => {
    const { prefill, read, decode, decodePriority } = turns.next();
    assert.ok(!(prefill && read));
    for (const { sequence, to } of prefill?.chunks ?? []) {
      sequence.computed = to;
      if (to === sequence.request.prompt.length) scheduler.promote(sequence);
    }
    if (read) reads.begin(read.read);
    return { made: prefill ? 'prefill' : read ? 'read' : 'nothing', decoded: decode.length, decodePriority };
  };
  const prompt = (id: number, length: number, priority: Priority = 'interactive') =>
    scheduler.enqueue(new Sequence(id, request(new Array<number>(length).fill(1), { priority })));
  return { scheduler, reads, turns, turn, prompt };
}

test('a prompt and an interactive read alternate, and running sequences decode in every turn', () => {
  const { reads, turn, prompt } = start();
  prompt(1, 2);
  turn();
  prompt(2, 16);
  reads.add({ id: 3, priority: 'interactive', row: 'scratch' });
  const made = [0, 1, 2, 3, 4].map(() => {
    const { made: what, decoded } = turn();
    assert.equal(decoded, 1);
    return what;
  });
  assert.deepEqual(made, ['read', 'prefill', 'read', 'prefill', 'read']);
});

test('a background read waits until the streams had their time, unless an interactive one waits for its row', () => {
  const { reads, turns, turn, prompt } = start();
  prompt(1, 2);
  turn();
  reads.add({ id: 2, priority: 'background', row: 'scratch' });
  assert.equal(turn().made, 'read');
  turns.timed('background', () => {
    for (const end = performance.now() + 2; performance.now() < end; );
  });
  assert.equal(turn().made, 'nothing');
  reads.add({ id: 3, priority: 'interactive', row: 'scratch' });
  const { read } = turns.next();
  assert.deepEqual([read?.read.id, read?.urgent], [2, true]);
});

test('a decode step is interactive work when there are streams, background work when there are none', () => {
  const { scheduler, turn, prompt } = start();
  prompt(1, 2, 'background');
  turn();
  assert.equal(turn().decodePriority, 'background');
  prompt(2, 2);
  assert.equal(turn().decodePriority, 'interactive');
  scheduler.remove(2);
  assert.equal(turn().decodePriority, 'background');
});
