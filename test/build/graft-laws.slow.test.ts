/** Built graphs are grafted like exports: edits, captured activations and attention are those of PyTorch. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Precision } from '../../src/build/description/decoder.js';
import { openKvCache } from '../../src/engine/kv/open-kv-cache.js';
import { loadGraphs } from '../../src/engine/load/loaded-graphs.js';
import { readModelSpec } from '../../src/engine/model-spec.js';
import type { ActivationEdit } from '../../src/engine/protocol.js';
import { CaptureRunner } from '../../src/engine/run/capture-runner.js';
import { GraphRunner } from '../../src/engine/run/graph-runner.js';
import { SteeringInputs } from '../../src/engine/run/steering-tensors.js';
import { capture } from '../../src/engine/worker/read-steps.js';
import { graftForServing } from '../../src/onnx/graft/serving-graft.js';
import { readModel, serializeModel } from '../../src/onnx/graph/model-file.js';
import { RunOptions } from '../../src/ort/binding.js';
import { Session } from '../../src/ort/session.js';
import { type ElementType, ownArray, Tensor } from '../../src/ort/tensor.js';
import { built, goldens, logitsOf } from '../helpers/built-models.js';
import { largestDifference, upTo } from '../helpers/run-graph.js';

const capacity = 128;
const tolerance = 1e-4;
/** What the goldens sum attention over. */
const span = [2, 5] as const;
const options = new RunOptions();

/** Row b of an edit with two directions; `times` 0 keeps the directions and lets them do nothing. */
function goldenEdit(golden: ReturnType<typeof goldens>, row: number, times: number): ActivationEdit {
  const [layers = 0, , , hidden = 0] = golden.shape('steering_vectors');
  const pick = (part: string, k: number, width: number, factor: number) => {
    const from = golden.floats(`steering_${part}`);
    const result = new Float32Array(new SharedArrayBuffer(layers * width * 4));
    for (let layer = 0; layer < layers; layer++)
      for (let i = 0; i < width; i++)
        result[layer * width + i] = factor * (from[((layer * 2 + row) * 2 + k) * width + i] ?? 0);
    return result;
  };
  return [0, 1].map((k) => ({
    vectors: pick('vectors', k, hidden, 1),
    add: pick('add', k, 1, times),
    scale: pick('scale', k, 1, times),
    from: 0,
    to: Number.POSITIVE_INFINITY,
  }));
}

/** Directions in every layer, with coefficients of zero. */
function idleEdit(concepts: number, layers: number, hidden: number): ActivationEdit {
  const numbers = (count: number) => new Float32Array(new SharedArrayBuffer(count * 4));
  return upTo(concepts).map((k) => ({
    vectors: numbers(layers * hidden).map((_, i) => Math.sin(i * (k + 1)) / Math.sqrt(hidden / 2)),
    add: numbers(layers),
    scale: numbers(layers),
    from: 0,
    to: Number.POSITIVE_INFINITY,
  }));
}

/** Logits of the serving graft, at all positions. */
async function grafted(directory: string, tokens: readonly number[], edit: ActivationEdit) {
  const model = await readModel(`${directory}/model.onnx`);
  const spec = await readModelSpec(model, directory);
  const bytes = serializeModel(graftForServing(model, { floatLogits: false }));
  const session = await Session.create(bytes, { threads: 1, weightsDirectory: directory, spinning: false });
  const cache = await openKvCache(spec, session, 1, capacity);
  const runner = new GraphRunner(session, spec, cache, options);
  const type = session.outputs.find(({ name }) => name === 'logits')?.type as ElementType;
  const size = tokens.length * spec.vocabularySize;
  const data = ownArray(Float32Array, size);
  assert.equal(type, 'float32');
  const logits = Tensor.over(data, type, [1, tokens.length, spec.vocabularySize]);
  const steering = new SteeringInputs(spec.layers.length, spec.hiddenSize);
  const filled = steering.fill([{ edit, position: 0 }], tokens.length);
  const positions = BigInt64Array.from(upTo(tokens.length), BigInt);
  const inputs = {
    steering_vectors: filled.vectors,
    steering_add: filled.add,
    steering_scale: filled.scale,
    logit_positions: Tensor.over(positions, 'int64', [1, tokens.length]),
  };
  runner.run({ first: 0, rows: 1 }, [tokens], [0], { inputs, outputs: { logits } });
  runner.release();
  cache.release();
  session.release();
  return data;
}

const own = ['mistral', 'qwen3', 'gemma2', 'olmo2', 'smollm3', 'granite', 'phi3-longrope', 'llama-yarn'];

for (const name of own) {
  describe(name, async () => {
    const golden = goldens(name);
    const prompts = [golden.ids('input_ids.0'), golden.ids('input_ids.1')];
    const directory = await built(name, 'fp32');

    test('a steered text has PyTorch’s logits', async () => {
      for (const [row, prompt] of prompts.entries()) {
        const wanted = golden.floats(`steered_logits.${row}`);
        const made = await grafted(directory, prompt, goldenEdit(golden, row, 1));
        const far = largestDifference(made.subarray(-wanted.length), wanted);
        assert.ok(far < 5 * tolerance, `row ${row}: ${far}`);
      }
    });

    test('block outputs and attention to a span are those of PyTorch', async () => {
      const graphs = await loadGraphs(directory, 1);
      const runner = new CaptureRunner(await graphs.capture(), graphs.spec, capacity, options);
      for (const [row, prompt] of prompts.entries()) {
        const read = (back: readonly number[]) => {
          const positions = back.map((steps) => prompt.length - steps);
          const steps = capture(runner, { tokens: prompt, positions, span }, 16);
          for (;;) {
            const step = steps.next();
            if (step.done) return step.value;
          }
        };
        const hidden = read([4, 3, 2, 1]).hiddenStates;
        const far = largestDifference(hidden, golden.floats(`hidden_states.${row}`));
        assert.ok(far < 5 * tolerance, `row ${row}: ${far}`);
        const attention = read([3, 2, 1]).attentionToPrefix;
        const off = largestDifference(attention, golden.floats(`attention_to_prefix.${row}`));
        assert.ok(off < tolerance, `attention, row ${row}: ${off}`);
      }
      runner.release();
      await graphs.release();
    });
  });
}

for (const precision of ['fp32', 'int8', 'int4'] as const satisfies readonly Precision[]) {
  for (const name of ['llama', 'qwen2', 'gemma3', 'phi3', ...own.slice(0, 6)]) {
    test(`${name} in ${precision}: zero coefficients leave the logits as they are, to the bit`, async () => {
      const directory = await built(name, precision);
      const prompt = goldens(name).ids('input_ids.0');
      const plain = await logitsOf(directory, prompt);
      const { hiddenSize, layers } = await readModelSpec(
        await readModel(`${directory}/model.onnx`),
        directory,
      );
      for (const concepts of [0, 1, 2])
        assert.deepEqual(
          await grafted(directory, prompt, idleEdit(concepts, layers.length, hiddenSize)),
          plain,
          `K = ${concepts}`,
        );
    });
  }
}
