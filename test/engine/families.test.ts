/** Every kind of export is grafted and served like PyTorch's model, steered and not, and gives its activations. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { openKvCache } from '../../src/engine/kv/open-kv-cache.js';
import { loadGraphs } from '../../src/engine/load/loaded-graphs.js';
import { readModelSpec } from '../../src/engine/model-spec.js';
import { CaptureRunner } from '../../src/engine/run/capture-runner.js';
import { GraphRunner } from '../../src/engine/run/graph-runner.js';
import { ServingRunner } from '../../src/engine/run/serving-runner.js';
import { SteeringInputs } from '../../src/engine/run/steering-tensors.js';
import { Sequence } from '../../src/engine/schedule/sequence.js';
import { capture } from '../../src/engine/worker/read-steps.js';
import { graftForServing } from '../../src/onnx/graft/serving-graft.js';
import { parseModel, serializeModel } from '../../src/onnx/graph/model-file.js';
import { RunOptions } from '../../src/ort/binding.js';
import { Session } from '../../src/ort/session.js';
import { type ElementType, ownArray, Tensor } from '../../src/ort/tensor.js';
import { request, startEngine, tokens } from '../helpers/engine.js';
import { families, goldensOf } from '../helpers/families.js';
import { largestDifference, upTo } from '../helpers/run-graph.js';

const capacity = 64;
/** What the goldens sum attention over. */
const span = [2, 5] as const;

for (const family of families) {
  describe(`${family.name}: ${family.structure}`, async () => {
    const golden = goldensOf(family);
    const prompts = [golden.ids('input_ids.0'), golden.ids('input_ids.1')] as const;
    const graphs = await loadGraphs(golden.directory, 1);
    const { spec } = graphs;
    const options = new RunOptions();
    after(() => graphs.release());

    test(`its keys and values are ${family.layout}, and whoever loads it hears of it`, () => {
      assert.equal(spec.kvLayout, family.layout === 'concatenated' ? 'concatenated' : 'in place');
      const [first] = graphs.warnings;
      if (family.layout === 'concatenated')
        assert.match(first ?? '', /one sequence at a time.* not rewritten: ./);
      if (family.layout === 'rewritten') assert.match(first ?? '', /was rewritten to it/);
      const warnings = (family.layout === 'in place' ? 0 : 1) + (family.wholePrompts ? 1 : 0);
      assert.equal(graphs.warnings.length, warnings);
    });

    test('a row of a batch is the row alone, whatever the lengths and edits of the others', async () => {
      const cache = await openKvCache(spec, graphs.serving, 4, capacity);
      const runner = new ServingRunner(graphs.serving, cache, options);
      const [long, short] = prompts;
      const texts = [long, short, [...long, ...short, ...long], short.slice(0, 2)];
      const sequences = texts.map((prompt, row) => {
        const sequence = new Sequence(row, request(prompt, { edit: row % 2 ? golden.edit(1) : [] }));
        sequence.computed = prompt.length;
        sequence.lastToken = prompt[row % 2] ?? 0;
        return sequence;
      });
      const fill = (row: number, sequence: Sequence) =>
        runner.chunk(row, sequence.request.prompt, 0, sequence.request.edit, 0);
      const alone = sequences.map((sequence) => {
        fill(0, sequence);
        const [decoded] = runner.decode([sequence]);
        assert.ok(decoded);
        return decoded.logits.slice();
      });
      for (const rows of [2, 3, 4]) {
        const batch = sequences.slice(-rows);
        batch.forEach((sequence, row) => {
          fill(row, sequence);
        });
        const decoded = runner.decode(batch);
        for (const [row, { id }] of batch.entries())
          assert.deepEqual(decoded[row]?.logits, alone[id], `${row} of ${rows}`);
      }
      runner.release();
      cache.release();
    });

    test('zero coefficients: logits are the export’s to the bit', async () => {
      const file = join(golden.directory, 'model.onnx');
      const model = parseModel(await readFile(file), file);
      const exported = await readModelSpec(model, golden.directory);
      const settings = { threads: 1, weightsDirectory: golden.directory, spinning: false };
      const logits = async (graft: boolean, concepts: number) => {
        const session = await Session.create(
          serializeModel(graft ? graftForServing(model) : model),
          settings,
        );
        const cache = await openKvCache(exported, session, 1, capacity);
        const runner = new GraphRunner(session, exported, cache, options);
        const type = session.outputs.find(({ name }) => name === 'logits')?.type as ElementType;
        const [prompt] = prompts;
        const size = prompt.length * spec.vocabularySize;
        const data = type === 'float16' ? ownArray(Uint16Array, size) : ownArray(Float32Array, size);
        const output = Tensor.over(data, type, [1, prompt.length, spec.vocabularySize]);
        const steering = new SteeringInputs(spec.layers.length, spec.hiddenSize);
        const edit = golden.edit(0, 0).slice(0, concepts);
        const filled = steering.fill([{ edit, position: 0 }], prompt.length);
        const positions = BigInt64Array.from(upTo(prompt.length), BigInt);
        const inputs: Record<string, Tensor> = graft
          ? {
              steering_vectors: filled.vectors,
              steering_add: filled.add,
              steering_scale: filled.scale,
              logit_positions: Tensor.over(positions, 'int64', [1, prompt.length]),
            }
          : {};
        runner.run({ first: 0, rows: 1 }, [prompt], [0], { inputs, outputs: { logits: output } });
        runner.release();
        cache.release();
        session.release();
        return data;
      };
      const plain = await logits(false, 0);
      for (const concepts of [0, 1, 2])
        assert.deepEqual(await logits(true, concepts), plain, `K = ${concepts}`);
    });

    test('block outputs and attention to a span are those of PyTorch', async () => {
      const runner = new CaptureRunner(await graphs.capture(), spec, capacity, options);
      prompts.forEach((prompt, row) => {
        const read = (positions: readonly number[]) => {
          // Chunks of 4: attention must be right after a past, too.
          const chunk = graphs.chunks.inPieces ? 4 : Number.POSITIVE_INFINITY;
          const steps = capture(runner, { tokens: prompt, positions, span }, chunk);
          for (;;) {
            const step = steps.next();
            if (step.done) return step.value;
          }
        };
        const all = read(upTo(prompt.length)).hiddenStates;
        assert.ok(largestDifference(all, golden.floats(`hidden_states.${row}`)) < 2 * family.tolerance);
        const last = read([3, 2, 1].map((back) => prompt.length - back)).attentionToPrefix;
        assert.ok(largestDifference(last, golden.floats(`attention_to_prefix.${row}`)) < family.tolerance);
      });
      runner.release();
    });

    test('the engine scores and writes what PyTorch does, steered and not, many at once', async () => {
      const engine = await startEngine(golden.directory, { slots: 3, capacity, prefillChunk: 4 });
      try {
        await Promise.all(
          prompts.flatMap((prompt, row) =>
            [
              { edit: [], greedy: 'greedy', logits: 'logits' },
              { edit: golden.edit(row), greedy: 'steered_greedy', logits: 'steered_logits' },
            ].map(async ({ edit, greedy, logits }) => {
              const written = await tokens(engine, request(prompt, { edit }));
              assert.deepEqual(written, golden.ids(`${greedy}.${row}`), `${greedy}.${row}`);
              const text = { tokens: prompt, from: 1, edit, priority: 'interactive' } as const;
              const scored = await engine.score(text);
              const expected = logProbabilities(golden.floats(`${logits}.${row}`), prompt);
              assert.ok(largestDifference(scored, expected) < 4 * family.tolerance, `${logits}.${row}`);
              const pair = {
                prompts: [prompt.slice(0, 3)],
                answers: [prompt.slice(3), prompt.slice(3, 5)],
                pairs: [
                  [0, 0],
                  [0, 1],
                ],
                edits: [edit],
                priority: 'background',
              } as const;
              const [all, few] = await engine.scoreMany(pair);
              assert.ok(largestDifference(all ?? [], expected.slice(2)) < 4 * family.tolerance);
              assert.ok(largestDifference(few ?? [], expected.slice(2, 4)) < 4 * family.tolerance);
              const plain = logProbabilities(golden.floats(`logits.${row}`), prompt);
              const [compared] = await engine.divergenceMany(pair);
              assert.ok(largestDifference(compared?.steered ?? [], expected.slice(2)) < 4 * family.tolerance);
              assert.ok(largestDifference(compared?.unsteered ?? [], plain.slice(2)) < 4 * family.tolerance);
              assert.equal(
                compared?.divergence.some((one) => one > 0),
                edit.length > 0,
              );
            }),
          ),
        );
      } finally {
        await engine.close();
      }
    });
  });
}

/** Of every token but the first, from logits [S, V]. */
function logProbabilities(logits: Float32Array, text: readonly number[]): number[] {
  const size = logits.length / text.length;
  return text.slice(1).map((token, position) => {
    const row = logits.subarray(position * size, (position + 1) * size);
    const top = Math.max(...row);
    const sum = row.reduce((total, value) => total + Math.exp(value - top), 0);
    return (row[token] ?? Number.NaN) - top - Math.log(sum);
  });
}
