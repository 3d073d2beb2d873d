/** A capture graft with its runner for several texts, and what each text gives alone and among others. */
import assert from 'node:assert/strict';
import { Random } from '../../src/common/random.js';
import { loadGraphs } from '../../src/engine/load/loaded-graphs.js';
import type { Capture, CaptureRequest } from '../../src/engine/protocol.js';
import { CaptureRunner, rowsTogether } from '../../src/engine/run/capture-runner.js';
import { capture, captureTogether } from '../../src/engine/worker/read-steps.js';
import { RunOptions } from '../../src/ort/binding.js';
import { testCache } from './test-cache.js';

const chunk = 64;

export async function openCaptures(directory: string) {
  const graphs = await loadGraphs(directory, 1, undefined, 'auto', 0, { cache: testCache });
  const runner = new CaptureRunner(await graphs.capture(), graphs.captureSpec, 256, new RunOptions(), true);
  runner.readTogether(await graphs.capture(rowsTogether));
  return {
    vocabularySize: graphs.spec.vocabularySize,
    alone(request: CaptureRequest): Capture {
      const steps = capture(runner, request, chunk);
      for (;;) {
        const { done, value } = steps.next();
        if (done) return value;
      }
    },
    together: (requests: readonly CaptureRequest[]) => captureTogether(runner, requests, chunk),
    async release() {
      runner.release();
      await graphs.release();
    },
  };
}

/** Texts of several lengths, read in groups of every size and alone: the same to the bit. */
export async function checkTogether(directory: string): Promise<void> {
  const { vocabularySize, alone, together, release } = await openCaptures(directory);
  const random = new Random(11);
  const text = (length: number) =>
    Array.from({ length }, () => 3 + Math.floor(random.uniform() * (vocabularySize - 3)));
  try {
    for (const [shared, attends] of [
      [0, false],
      [41, true],
      [6, true],
      [41, false],
    ] as const) {
      const prefix = text(shared);
      const requests = Array.from({ length: rowsTogether }, (_, i): CaptureRequest => {
        const own = text([17, 30, 2, 64, 23, 24, 9, 34][i] ?? 5);
        const tokens = [...prefix, ...own];
        // With attention all read as many positions.
        const count = attends ? 2 : 1 + (i % 4);
        const last = tokens.length - 1;
        const positions = Array.from({ length: Math.min(count, own.length) }, (_, p) => last - p).reverse();
        return { tokens, positions, span: attends ? [1, 4 + i] : [0, 0], shared };
      });
      const expected = requests.map(alone);
      for (const size of [8, 5, 2]) {
        const group = requests.slice(-size);
        // One alone first: it leaves the prefix in the row.
        alone(group[0] as CaptureRequest);
        assert.deepEqual(together(group), expected.slice(-size), `${size} texts after ${shared} tokens`);
      }
      assert.deepEqual(alone(requests[1] as CaptureRequest), expected[1], 'a text alone after a group');
    }
  } finally {
    await release();
  }
}
