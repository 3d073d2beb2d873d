import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { CaptureRequest } from '../../../src/engine/protocol.js';
import { checkTogether } from '../../helpers/captures-together.js';
import { startEngine } from '../../helpers/engine.js';
import { writeQuantized } from '../../helpers/quantized-export.js';

describe('captures of several texts by one run', () => {
  let folder = '';
  let directory = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'captures-'));
    directory = await writeQuantized(join(folder, 'model'), { bits: 8, block: 32, level: 4 });
  });
  after(() => rm(folder, { recursive: true }));

  test('each text gets what it gets alone', () => checkTogether(directory));

  test('an engine that is asked for many at once answers each as when asked for one after another', async () => {
    const engine = await startEngine(directory, { slots: 2, prefillChunk: 64 });
    try {
      const beginning = Array.from({ length: 20 }, (_, i) => 5 + ((7 * i) % 300));
      const asked = Array.from({ length: 60 }, (_, i): CaptureRequest => {
        const own = Array.from({ length: 8 + (i % 5) }, (_, t) => 3 + ((i * 31 + t * 17) % 300));
        const tokens = [...(i % 3 === 0 ? beginning.slice(0, 9) : beginning), ...own];
        const { length } = tokens;
        return { tokens, positions: [length - 2, length - 1], span: [1, 6], shared: i % 3 === 0 ? 9 : 20 };
      });
      const alone = [];
      for (const one of asked) alone.push(await engine.capture(one));
      // The first round is when the engine finds that there are several.
      for (let round = 0; round < 3; round++) {
        const leaving = new AbortController();
        const left = engine.capture(asked[0] as CaptureRequest, leaving.signal).catch(() => null);
        const all = Promise.all(asked.map((one) => engine.capture(one)));
        leaving.abort();
        assert.deepEqual(await all, alone);
        assert.equal(await left, null);
      }
    } finally {
      await engine.close();
    }
  });
});
