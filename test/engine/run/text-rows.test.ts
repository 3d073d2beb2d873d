import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { PairsRequest } from '../../../src/engine/protocol.js';
import { startEngine } from '../../helpers/engine.js';
import { writeQuantized } from '../../helpers/quantized-export.js';
import { checkScoresTogether } from '../../helpers/scores-together.js';

describe('answers scored several at once', () => {
  let folder = '';
  let directory = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rows-'));
    directory = await writeQuantized(join(folder, 'model'), { bits: 8, block: 32, level: 4 });
  });
  after(() => rm(folder, { recursive: true }));

  test('each gets what it gets alone, to the bit', () => checkScoresTogether(directory));

  test('an engine tells the same before it has rows for several, with them, and when one leaves', async () => {
    const engine = await startEngine(directory, { slots: 2, prefillChunk: 64 });
    try {
      const text = (seed: number, length: number) =>
        Array.from({ length }, (_, i) => 3 + ((seed * 31 + i * 17) % 300));
      const prompts = Array.from({ length: 4 }, (_, p) => text(p, 12 + p));
      const answers = Array.from({ length: 10 }, (_, a) => text(40 + a, 15));
      const pairs = prompts.flatMap((_, p) => answers.map((__, a) => [p, a] as const));
      const asked: PairsRequest = { prompts, answers, pairs, priority: 'background' };
      const alone = [];
      // Too few for rows to be made for them.
      for (const pair of pairs) alone.push(...(await engine.scoreMany({ ...asked, pairs: [pair] })));
      for (let round = 0; round < 3; round++) {
        const leaving = new AbortController();
        const left = engine.scoreMany(asked, leaving.signal).catch(() => null);
        const [one, other] = [engine.scoreMany(asked), engine.scoreMany(asked)];
        leaving.abort();
        assert.deepEqual(await one, alone);
        assert.deepEqual(await other, alone);
        assert.equal(await left, null);
      }
    } finally {
      await engine.close();
    }
  });
});
