/** Streams and background work divide the time, whatever their steps cost and however many prompts arrive. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../../src/common/random.js';
import { TimeShare } from '../../../src/engine/schedule/turns.js';

test('streams keep at least half of the time and background work a quarter, whatever a step costs', () => {
  const random = new Random(3);
  const cost = (most: number) => 1 + (random.bits() % most);
  for (const [job, stream] of [
    [40, 15],
    [5, 80],
    [300, 3],
  ] as const) {
    const share = new TimeShare();
    let [background, streams] = [0, 0];
    for (let step = 0; step < 20_000; step++) {
      if (share.backgroundMayRun) {
        const took = cost(job);
        share.backgroundTook(took);
        background += took;
      }
      // A prompt's chunk or a decode step: streams never have nothing to do here.
      const took = cost(stream);
      share.streamsTook(took);
      streams += took;
    }
    assert.ok(streams > 1.9 * background, `${background} ms of jobs beside ${streams}`);
    // A step of the streams that is longer than what they are owed is theirs all the same.
    assert.ok(job < stream || background > 0.25 * streams, `${background} ms of jobs beside ${streams}`);
    assert.ok(background > 0);
  }
});

test('background work waits until the streams had their time, and for nothing when nobody streams', () => {
  const share = new TimeShare();
  assert.ok(share.backgroundMayRun);
  share.backgroundTook(40);
  assert.ok(!share.backgroundMayRun);
  share.streamsTook(79);
  assert.ok(!share.backgroundMayRun);
  share.streamsTook(1);
  assert.ok(share.backgroundMayRun);
  share.backgroundTook(40);
  share.streamsEnded();
  assert.ok(share.backgroundMayRun);
});
