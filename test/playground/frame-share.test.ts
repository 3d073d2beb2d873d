/** How much of a flood of tokens a frame draws. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FrameShare } from '../../src/playground/chat/frame-share.js';

/** Frames of a flood, as long as the reader's machine takes for what was drawn in them. */
function flood(costOf: (pieces: number) => number, frames = 60): { pieces: number[]; longest: number } {
  const share = new FrameShare();
  const pieces: number[] = [];
  let [at, longest] = [0, 0];
  share.begin(at, false);
  for (let frame = 0; frame < frames; frame++) {
    pieces.push(share.pieces);
    const took = Math.max(16, costOf(share.pieces));
    if (frame > 8) longest = Math.max(longest, took);
    at += took;
    share.begin(at, true);
  }
  return { pieces, longest };
}

test('a fast machine draws more with every frame, up to a bound', () => {
  const { pieces } = flood(() => 5);
  assert.ok(pieces.every((now, i) => i === 0 || now >= (pieces[i - 1] ?? 0)));
  assert.ok((pieces.at(-1) ?? 0) > 2 * (pieces[0] ?? 0));
  assert.equal(pieces.at(-1), pieces.at(-2));
});

test('a slow one draws less until frames come before typing would feel it, or as little as makes sense', () => {
  for (const each of [0.5, 1, 2]) {
    const { longest } = flood((count) => count * each);
    assert.ok(longest < 100, `${longest} ms at ${each} ms for each`);
  }
  assert.equal(flood((count) => count * 10).pieces.at(-1), 16);
});

test('what says nothing of the cost of drawing changes nothing: a pause, and a page that was out of sight', () => {
  const share = new FrameShare();
  const before = share.pieces;
  share.begin(0, false);
  share.begin(70, false);
  share.begin(5_000, true);
  assert.equal(share.pieces, before);
});
