/** Products by column in a whole model: close to float32, the same at every start, in serving as in capture. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { addsPairsIn16Bits } from '../../../src/common/cpu-features.js';
import type { Arithmetic } from '../../../src/engine/worker-settings.js';
import { embeddedDirectory, logprobs, spiderTerm } from '../../helpers/embedded-model.js';
import { request, score, startEngine, steps } from '../../helpers/engine.js';
import { writeQuantized } from '../../helpers/quantized-export.js';
import { largestDifference, upTo } from '../../helpers/run-graph.js';
import { tinyModel } from '../../helpers/tiny-models.js';

/** With fewer levels, where more would saturate: nats. */
const mostShift = addsPairsIn16Bits() ? 0.2 : 0.15;
const [long, short] = tinyModel('llama-genai').prompts;
const byColumn = (notes: readonly string[]) => notes.filter((note) => /by column/.test(note)).length;

describe('the embedded model by column', () => {
  test(`is within ${mostShift} nats of float32 on average, steered and not; zero coefficients are no edit`, async () => {
    const engine = await startEngine(embeddedDirectory, { threads: 2, capacity: 512, arithmetic: 'columns' });
    try {
      assert.equal(byColumn(engine.notes), 1);
      const {
        ids,
        unsteered,
        steered_mean_difference_spiders_coefficient_2_layers_1_to_29: steered,
      } = logprobs;
      for (const [golden, edit] of [
        [unsteered, []],
        [steered, [spiderTerm(2)]],
      ] as const) {
        const scored = await score(engine, ids, edit);
        const total = golden.reduce((sum, value, i) => sum + Math.abs(value - (scored[i] ?? Number.NaN)), 0);
        assert.ok(total / golden.length <= mostShift, `${total / golden.length} nats`);
      }
      assert.deepEqual(await score(engine, ids, [spiderTerm(0)]), await score(engine, ids));
    } finally {
      await engine.close();
    }
  });
});

describe('an 8-bit export', () => {
  /** What an engine of the export gives, with this arithmetic and calibration. */
  async function computed(directory: string, arithmetic: Arithmetic, calibration?: readonly number[]) {
    const engine = await startEngine(directory, {
      arithmetic,
      capacity: 64,
      ...(calibration ? { calibration } : {}),
    });
    try {
      const asked = [long, short, long.slice(3), short.slice(2)].map((prompt) =>
        request(prompt, { maxTokens: 8, logprobs: 0 }),
      );
      const alone = [];
      for (const one of asked) alone.push(await steps(engine, one));
      const together = await Promise.all(asked.map((one) => steps(engine, one)));
      const { hiddenStates } = await engine.capture({
        tokens: long,
        positions: upTo(long.length),
        span: [2, 5],
      });
      return {
        scores: await score(engine, long),
        hiddenStates,
        alone,
        together,
        warnings: engine.warnings,
        notes: engine.notes,
      };
    } finally {
      await engine.close();
    }
  }

  for (const block of [32, 128])
    test(`blocks of ${block}: by column it stays close, answers do not know each other, and a start is like another`, async () => {
      const folder = await mkdtemp(join(tmpdir(), 'steerd-'));
      try {
        const directory = await writeQuantized(join(folder, 'q8'), { bits: 8, block, level: 4 });
        const columns = await computed(directory, 'columns');
        const again = await computed(directory, 'columns');
        const blocks = await computed(directory, 'blocks');
        assert.equal(byColumn(columns.notes), 1);
        assert.equal(byColumn(blocks.notes), 0);
        assert.deepEqual(columns.warnings, [], 'no warning of answers that know each other');
        assert.deepEqual(columns.together, columns.alone);
        assert.deepEqual(again.scores, columns.scores);
        assert.deepEqual(again.hiddenStates, columns.hiddenStates);
        const apart = largestDifference(columns.scores, blocks.scores);
        assert.ok(apart > 0 && apart < 0.2, `${apart} nats`);
        const captured = largestDifference(columns.hiddenStates, blocks.hiddenStates);
        assert.ok(captured > 0, 'the capture graph has the same products');
      } finally {
        await rm(folder, { recursive: true });
      }
    });

  test('products that an export wants in float32 stay so', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'steerd-'));
    try {
      const directory = await writeQuantized(join(folder, 'q8'), { bits: 8, block: 32, level: 1 });
      const columns = await computed(directory, 'columns');
      assert.equal(byColumn(columns.notes), 0);
      assert.deepEqual(columns.scores, (await computed(directory, 'blocks')).scores);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
