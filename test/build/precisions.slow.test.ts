/** What rounding costs is what rounding the weights alone costs, and blocks of a GGUF file are not rounded again. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { buildModel, buildSize } from '../../src/build/build-model.js';
import type { Precision } from '../../src/build/description/decoder.js';
import { blockSize, toEightBits, toFourBits } from '../../src/build/quantize.js';
import { blockValues } from '../../src/checkpoint/block-values.js';
import type { Checkpoint, CheckpointTensor } from '../../src/checkpoint/checkpoint.js';
import { openCheckpoint } from '../../src/checkpoint/open-checkpoint.js';
import { built, checkpoints, folder, goldens, logitsOf } from '../helpers/built-models.js';
import { largestDifference } from '../helpers/run-graph.js';

/** The same checkpoint with each matrix's values rounded, in float32. */
function rounded(
  checkpoint: Checkpoint,
  round: (name: string, values: Float32Array) => Float32Array,
): Checkpoint {
  const tensors = new Map<string, CheckpointTensor>();
  for (const [name, tensor] of checkpoint.tensors) {
    const rows = async (first: number, count: number) => round(name, await tensor.rows(first, count));
    tensors.set(name, tensor.shape.length === 2 ? { ...tensor, type: 'F32', rows } : tensor);
  }
  return { ...checkpoint, tensors };
}

function valuesOf(weights: Float32Array, bits: 8 | 4): Float32Array {
  const blocks = weights.length / blockSize;
  const { values, scales, zeroPoints } = (bits === 8 ? toEightBits : toFourBits)(weights, blocks);
  return weights.map((_, i) => {
    const block = Math.floor(i / blockSize);
    const byte = values[bits === 8 ? i : i >> 1] ?? 0;
    const code = bits === 8 ? byte : (byte >> (4 * (i % 2))) & 15;
    return (scales[block] ?? 0) * (code - (bits === 8 ? 128 : (zeroPoints[block] ?? 0)));
  });
}

const meanDifference = (a: Float32Array, b: Float32Array) =>
  a.reduce((sum, value, i) => sum + Math.abs(value - (b[i] ?? Number.NaN)), 0) / a.length;

for (const name of ['llama', 'qwen2', 'gemma3', 'phi3', 'granite', 'olmo2']) {
  describe(name, () => {
    const golden = goldens(name);
    const prompt = golden.ids('input_ids.0');
    const wanted = golden.floats('logits.0');
    const last = async (directory: string) => (await logitsOf(directory, prompt)).subarray(-wanted.length);

    test('int8 is as far from PyTorch as its rounded weights in float32', async () => {
      const simulated = await last(
        await built(name, 'fp32', (checkpoint) => rounded(checkpoint, (_, values) => valuesOf(values, 8))),
      );
      const made = await last(await built(name, 'int8'));
      const predicted = meanDifference(simulated, wanted);
      // The product rounds its activations to 8 bits as well.
      assert.ok(
        meanDifference(made, simulated) < 3 * predicted,
        `${meanDifference(made, simulated)} ${predicted}`,
      );
      assert.ok(meanDifference(made, wanted) < 3 * predicted, `${meanDifference(made, wanted)} ${predicted}`);
    });

    test('int4 is worse than int8, and better than whole ranges rounded to the nearest', async () => {
      const directory = await built(name, 'int4');
      const four = meanDifference(await last(directory), wanted);
      const eight = meanDifference(await last(await built(name, 'int8')), wanted);
      assert.ok(four > eight);
      const spread = Math.sqrt(wanted.reduce((sum, value) => sum + value * value, 0) / wanted.length);
      assert.ok(four < 0.5 * spread, `${four} of ${spread}`);
    });

    test('fp16 is near', async () => {
      const far = largestDifference(await last(await built(name, 'fp16')), wanted);
      assert.ok(far < 5e-2, `${far}`);
    });
  });
}

test('rounding to 8 bits is off by half a step at most, zeros and all', () => {
  const weights = Float32Array.from({ length: 4 * blockSize }, (_, i) =>
    i < blockSize ? 0 : Math.sin(i * i) * 10 ** (i % 5),
  );
  const back = valuesOf(weights, 8);
  for (let i = 0; i < weights.length; i++) {
    const from = i - (i % blockSize);
    const largest = Math.max(...weights.subarray(from, from + blockSize).map(Math.abs));
    assert.ok(Math.abs((back[i] ?? 0) - (weights[i] ?? 0)) <= (largest / 254) * 1.001);
  }
});

test('the range in 4 bits is chosen: less error than with the whole one, in every block', () => {
  const weights = Float32Array.from(
    { length: 64 * blockSize },
    (_, i) => Math.sin(i * 12.9898) * Math.cos(i * i),
  );
  const back = valuesOf(weights, 4);
  for (let block = 0; block < 64; block++) {
    const own = weights.subarray(block * blockSize, (block + 1) * blockSize);
    const error = (made: (i: number) => number) =>
      own.reduce((sum, value, i) => sum + (made(i) - value) ** 2, 0);
    const [least, most] = [Math.min(0, ...own), Math.max(0, ...own)];
    const step = (most - least) / 15;
    const zero = Math.round(-least / step);
    const nearest = (i: number) =>
      step * (Math.min(15, Math.max(0, Math.round((own[i] ?? 0) / step) + zero)) - zero);
    assert.ok(error((i) => back[block * blockSize + i] ?? 0) <= error(nearest) * 1.0001);
  }
});

test('Q8_0 blocks are carried over: the graph computes what their values do', async () => {
  const prompt = goldens('llama').ids('input_ids.0');
  const exact = await logitsOf(await built('llama-q8_0.gguf', 'fp32'), prompt);
  const made = await logitsOf(await built('llama-q8_0.gguf', 'int8'), prompt);
  // Only the activations are rounded.
  const wanted = goldens('llama').floats('logits.0');
  assert.ok(meanDifference(made, exact) < 2 * meanDifference(exact, wanted));
});

test('Q4_0 blocks are carried over, in 4 bits and in 8', async () => {
  const raw = Uint8Array.from({ length: 18 * 64 * 2 }, (_, i) =>
    i % 18 < 2 ? ([0x66, 0x2e][i % 18] ?? 0) : (i * 37) % 256,
  );
  const values = blockValues('Q4_0', raw);
  const { fromQ4, fromQ4ToEightBits } = await import('../../src/build/quantize.js');
  const blocks = raw.length / 18;
  const four = fromQ4(raw, blocks);
  const eight = fromQ4ToEightBits(raw, blocks);
  for (let i = 0; i < values.length; i++) {
    const block = Math.floor(i / blockSize);
    const code = ((four.values[i >> 1] ?? 0) >> (4 * (i % 2))) & 15;
    assert.equal(Math.fround((four.scales[block] ?? 0) * (code - (four.zeroPoints[block] ?? 0))), values[i]);
    assert.equal(Math.fround((eight.scales[block] ?? 0) * ((eight.values[i] ?? 0) - 128)), values[i]);
  }
});

for (const precision of ['int8', 'int4', 'fp16', 'fp32'] as const satisfies readonly Precision[]) {
  test(`${precision}: a build that is broken off goes on, to the same bytes, of the size that was said`, async () => {
    const checkpoint = await openCheckpoint(join(checkpoints, 'llama'));
    const whole = await built('llama', precision);
    const out = await folder();
    const files = ['model.onnx', 'model.onnx.data', 'genai_config.json'];
    for (let step = 0; ; step++) {
      const controller = new AbortController();
      let left = 12;
      const onProgress = () => {
        left -= 1;
        if (left === 0) controller.abort(new Error('enough'));
      };
      try {
        await buildModel({ checkpoint, precision, out, signal: controller.signal, onProgress });
        assert.ok(step > 0, 'it was never broken off');
        break;
      } catch (error) {
        assert.equal((error as Error).message, 'enough');
        assert.ok(step < 100, 'it does not get on');
      }
    }
    let bytes = 0;
    for (const file of files) {
      const made = await readFile(join(out, file));
      bytes += made.length;
      assert.ok(made.equals(await readFile(join(whole, file))), file);
    }
    const said = buildSize(checkpoint, precision);
    assert.ok(bytes <= said && said < bytes * 1.02 + 4096, `${said} for ${bytes}`);
    await checkpoint.close();
  });
}
