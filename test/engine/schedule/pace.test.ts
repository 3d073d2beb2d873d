/** How long runs may be, told by a machine that takes a given time for each. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pace } from '../../../src/engine/schedule/pace.js';

test('without streams a run is as long as it may be, and before anything was measured', () => {
  const pace = new Pace(512);
  assert.deepEqual(pace.limits(true), { whole: 512, part: 512 });
  pace.promptsTook(64, 64, false);
  assert.deepEqual(pace.limits(false), { whole: 512, part: 512 });
});

for (const [name, time] of [
  ['proportional to its tokens', (tokens: number) => tokens],
  ['mostly the same for any', (tokens: number) => 25 + tokens / 20],
  ['longer with the past', (tokens: number, past: number) => tokens * (1 + past / 3000)],
] as const)
  test(`a part of a prompt takes a little more than a step of a stream, where a run's time is ${name}`, () => {
    const pace = new Pace(512);
    pace.promptsTook(64, time(64, 0), false);
    for (let i = 0; i < 5; i++) pace.decodeTook(26);
    let past = 0;
    for (let turn = 0; turn < 80; turn++) {
      const { part } = pace.limits(true);
      const took = time(part, past);
      if (turn > 15) assert.ok(took > 26 && took < 47, `turn ${turn}: ${part} tokens in ${took} ms`);
      pace.promptsTook(part, took, true);
      past += part;
    }
  });

test('whole prompts may hold a stream up for eight of its steps', () => {
  const pace = new Pace(512);
  pace.decodeTook(25);
  for (let i = 0; i < 20; i++) pace.promptsTook(64, 64, false);
  assert.equal(pace.limits(true).whole, 200);
});

test('a pace that must not follow the clock does not', () => {
  const pace = new Pace(64, true);
  pace.promptsTook(64, 6400, true);
  pace.decodeTook(1);
  assert.deepEqual(pace.limits(true), { whole: 64, part: 64 });
});
