/** Exports with weights of few bits: how they are multiplied, and that serving and fitting agree on it. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { loadGraphs } from '../../../src/engine/load/loaded-graphs.js';
import { CaptureRunner } from '../../../src/engine/run/capture-runner.js';
import { capture } from '../../../src/engine/worker/read-steps.js';
import type { Arithmetic } from '../../../src/engine/worker-settings.js';
import { widestExactBlock } from '../../../src/onnx/find/activation-rounding.js';
import { RunOptions } from '../../../src/ort/binding.js';
import { request, score, startEngine, steps } from '../../helpers/engine.js';
import { type Quantization, writeQuantized } from '../../helpers/quantized-export.js';
import { largestDifference, upTo } from '../../helpers/run-graph.js';
import { tinyModel } from '../../helpers/tiny-models.js';

const [long, short] = tinyModel('llama-genai').prompts;
/** The widest blocks in which answers do not know each other on this processor, and wider ones. */
const narrow = { bits: 4, block: widestExactBlock(4) } as const;
const wide = { bits: 4, block: 2 * narrow.block } as const;
const bytes = { bits: 8, block: 128 } as const;

describe('exports that leave their arithmetic open', () => {
  let folder = '';
  const written = new Map<string, Promise<string>>();
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'steerd-'));
  });
  after(() => rm(folder, { recursive: true }));

  const exported = (quantization: Quantization) => {
    const { bits, block, level = 'open' } = quantization;
    const name = `q${bits}-${block}-${level}`;
    const made = written.get(name) ?? writeQuantized(join(folder, name), quantization);
    written.set(name, made);
    return made;
  };

  /** What an engine makes of a text, and what a fit would read of it. */
  async function computed(quantization: Quantization, arithmetic: Arithmetic) {
    const directory = await exported(quantization);
    const engine = await startEngine(directory, { arithmetic, capacity: 64 });
    const scores = await score(engine, long);
    await engine.close();
    const graphs = await loadGraphs(directory, 1, undefined, arithmetic);
    const runner = new CaptureRunner(await graphs.capture(), graphs.spec, 64, new RunOptions());
    const reading = capture(runner, { tokens: long, positions: upTo(long.length), span: [2, 5] }, 64);
    let step = reading.next();
    while (!step.done) step = reading.next();
    runner.release();
    await graphs.release();
    return { scores, hidden: step.value.hiddenStates, warnings: engine.warnings };
  }

  for (const [weights, arithmetic, level] of [
    [narrow, 'blocks', 4],
    [narrow, 'export', 0],
    [wide, 'blocks', 0],
    [wide, 'int8', 4],
    [bytes, 'blocks', 4],
    [bytes, 'export', 0],
  ] as const)
    test(`${weights.bits} bits in blocks of ${weights.block}, ${arithmetic}: as an export of level ${level}`, async () => {
      const open = await computed(weights, arithmetic);
      const declared = await computed({ ...weights, level }, level === 0 ? 'export' : arithmetic);
      assert.deepEqual(open.scores, declared.scores);
      assert.deepEqual(open.hidden, declared.hidden);
      const mixed = level === 4 && weights !== narrow ? 1 : 0;
      assert.equal(open.warnings.length, mixed + (arithmetic === 'export' ? 0 : 1));
      assert.equal(declared.warnings.length, mixed);
    });

  test('a level that the export declares is kept', async () => {
    const declared = await computed({ ...narrow, level: 1 }, 'int8');
    const floats = await computed(narrow, 'export');
    assert.deepEqual(declared.scores, floats.scores);
    assert.deepEqual(declared.warnings, []);
  });

  test('8 bits move log-probabilities less than 4-bit weights do', async () => {
    const [fast, exact] = await Promise.all([computed(narrow, 'auto'), computed(narrow, 'export')]);
    const unquantized = await startEngine(tinyModel('llama-genai').directory, { capacity: 64 });
    const lost = largestDifference(exact.scores, await score(unquantized, long));
    await unquantized.close();
    const moved = largestDifference(fast.scores, exact.scores);
    assert.ok(moved < lost / 2, `${moved} and ${lost}`);
  });

  for (const weights of [narrow, wide])
    test(`${weights.bits} bits in blocks of ${weights.block}: an answer among others has the tokens it has alone`, async () => {
      const engine = await startEngine(await exported(weights), { capacity: 64 });
      try {
        const prompts = [long, short, long.slice(3), short.slice(2)];
        const asked = prompts.map((prompt) => request(prompt, { maxTokens: 8, logprobs: 0 }));
        const alone = [];
        for (const one of asked) alone.push(await steps(engine, one));
        const together = await Promise.all(asked.map((one) => steps(engine, one)));
        if (weights === narrow) assert.deepEqual(together, alone);
        else
          assert.deepEqual(
            together.map((made) => made.map(({ token }) => token)),
            alone.map((made) => made.map(({ token }) => token)),
          );
      } finally {
        await engine.close();
      }
    });
});
