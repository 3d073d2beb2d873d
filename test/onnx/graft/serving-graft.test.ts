import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { graftForServing } from '../../../src/onnx/graft/serving-graft.js';
import type { Session } from '../../../src/ort/session.js';
import {
  type DecoderRow,
  floats,
  largestDifference,
  openGraph,
  TinyDecoder,
  upTo,
} from '../../helpers/run-graph.js';
import { goldenEdit, logitPositions, noEdit, type RowEdit, steeringFeeds } from '../../helpers/steering.js';
import { tinyModel, tinyNames, tinySize } from '../../helpers/tiny-models.js';

const { layers, hidden, vocabulary } = tinySize;

/** Steers a row with directions that do not matter: both coefficients are zero. */
function zeroEdit(concepts: number): RowEdit {
  return {
    concepts,
    vectors: Float32Array.from({ length: layers * concepts * hidden }, (_, i) => Math.sin(i)),
    add: new Float32Array(layers * concepts),
    scale: new Float32Array(layers * concepts),
  };
}

for (const name of tinyNames) {
  describe(`serving graft of ${name}`, async () => {
    const tiny = tinyModel(name);
    const [long, short] = tiny.prompts;
    const exported = await openGraph(tiny.model(), tiny.directory);
    const grafted = await openGraph(graftForServing(tiny.model()), tiny.directory);
    after(() => {
      exported.release();
      grafted.release();
    });

    /** Logits of the export at every position. */
    const exportLogits = (rows: readonly DecoderRow[], length: number) =>
      new TinyDecoder(exported, rows.length).run(rows, {}, { logits: [rows.length, length, vocabulary] })
        .logits as Float32Array;

    const graftRun = (
      rows: readonly DecoderRow[],
      edits: readonly RowEdit[],
      positions: readonly (readonly number[])[],
      decoder = new TinyDecoder(grafted, rows.length),
    ) => {
      const length = Math.max(...rows.map(({ tokens }) => tokens.length));
      const concepts = Math.max(...edits.map((edit) => edit.concepts));
      const results = decoder.run(
        rows,
        { ...steeringFeeds(edits, length), ...logitPositions(positions) },
        {
          logits: [rows.length, positions[0]?.length ?? 0, vocabulary],
          steering_projection: [layers, rows.length, length, concepts],
        },
      );
      return results as { logits: Float32Array; steering_projection: Float32Array };
    };

    test('inputs and outputs are exactly the contract, and the rest keeps its names and shapes', () => {
      const described = (session: Session) =>
        new Map(
          [...session.inputs, ...session.outputs].map(({ name, type, shape }) => [name, { type, shape }]),
        );
      const before = described(exported);
      const now = described(grafted);
      const added = [...now].filter(([name]) => !before.has(name));
      assert.deepEqual(Object.fromEntries(added), {
        steering_vectors: { type: 'float32', shape: [layers, -1, -1, -1] },
        steering_add: { type: 'float32', shape: [layers, -1, -1, -1] },
        steering_scale: { type: 'float32', shape: [layers, -1, -1, -1] },
        logit_positions: { type: 'int64', shape: [-1, -1] },
        steering_projection: { type: 'float32', shape: [layers, -1, -1, -1] },
      });
      for (const [name, value] of before) assert.deepEqual(now.get(name), value, name);
      const names = graftForServing(tiny.model()).graph?.input.map(({ name, type }) => {
        const value = type?.value.case === 'tensorType' ? type.value.value : undefined;
        return [name, value?.shape?.dim.map((dim) => String(dim.value.value))];
      });
      const dimensions = Object.fromEntries(names ?? []);
      assert.deepEqual(dimensions.steering_vectors, ['4', 'batch_size', 'concepts', 'hidden_size']);
      assert.deepEqual(dimensions.steering_add, ['4', 'batch_size', 'sequence_length', 'concepts']);
      assert.deepEqual(dimensions.steering_scale, dimensions.steering_add);
      assert.deepEqual(dimensions.logit_positions, ['batch_size', 'logit_count']);
    });

    test('the graft leaves the model it was given as it was', () => {
      const model = tiny.model();
      graftForServing(model);
      assert.deepEqual(model, tiny.model());
    });

    for (const concepts of [0, 1, 2, 3])
      test(`zero coefficients, K = ${concepts}: logits are the export's to the bit`, () => {
        for (const tokens of tiny.prompts) {
          const { logits } = graftRun([{ tokens }], [zeroEdit(concepts)], [upTo(tokens.length)]);
          assert.deepEqual(logits, exportLogits([{ tokens }], tokens.length));
        }
      });

    test('the golden edit gives the logits of PyTorch', () => {
      tiny.prompts.forEach((tokens, row) => {
        const { logits } = graftRun([{ tokens }], [goldenEdit(tiny, row)], [upTo(tokens.length)]);
        assert.ok(largestDifference(logits, tiny.golden(`steered_logits.${row}`)) < 1e-4);
        assert.ok(largestDifference(logits, tiny.golden(`logits.${row}`)) > 1e-2, 'the edit does something');
      });
    });

    test('logit_positions picks rows, in any order, more than once, and more than there are tokens', () => {
      const all = graftRun([{ tokens: long }], [goldenEdit(tiny, 0)], [upTo(long.length)]).logits;
      for (const positions of [[10], [3, 3, 0], upTo(3).concat(upTo(11), upTo(11))]) {
        const { logits } = graftRun([{ tokens: long }], [goldenEdit(tiny, 0)], [positions]);
        const expected = positions.flatMap((p) => [...all.subarray(p * vocabulary, (p + 1) * vocabulary)]);
        assert.ok(largestDifference(logits, expected) < 1e-5);
      }
      const decoder = new TinyDecoder(grafted, 1);
      const { logits } = graftRun([{ tokens: [5] }], [noEdit], [[0, 0, 0, 0]], decoder);
      assert.equal(new Set(upTo(4).map((p) => logits[p * vocabulary])).size, 1);
    });

    test('P = 0 fills the cache and computes no logits', () => {
      const decoder = new TinyDecoder(grafted, 1);
      const first = long.slice(0, 8);
      assert.equal(graftRun([{ tokens: first }], [goldenEdit(tiny, 0)], [[]], decoder).logits.length, 0);
      const rest = { past: 8, tokens: long.slice(8) };
      const { logits } = graftRun([rest], [goldenEdit(tiny, 0)], [[2]], decoder);
      const expected = tiny.golden('steered_logits.0').subarray(10 * vocabulary);
      assert.ok(largestDifference(logits, expected) < 1e-4);
    });

    test('a ragged batch, each row with its own edit and K, gives what each row gives alone', () => {
      const rows = [{ tokens: long }, { tokens: short }, { tokens: short }];
      const edits = [goldenEdit(tiny, 0), goldenEdit(tiny, 1), noEdit];
      const positions = [
        [0, 10],
        [0, 6],
        [0, 6],
      ];
      const batch = graftRun(rows, edits, positions);
      rows.forEach((row, index) => {
        const alone = graftRun([row], [edits[index] ?? noEdit], [positions[index] ?? []]);
        const size = 2 * vocabulary;
        const together = batch.logits.subarray(index * size, (index + 1) * size);
        assert.ok(largestDifference(together, alone.logits) < 1e-5, `row ${index}`);
      });
    });

    test('a decode step over a ragged batch gives what whole prompts give', () => {
      const decoder = new TinyDecoder(grafted, 2);
      const edits = [goldenEdit(tiny, 0), goldenEdit(tiny, 1)];
      const prompts = [{ tokens: long.slice(0, 10) }, { tokens: short.slice(0, 6) }];
      graftRun(prompts, edits, [[], []], decoder);
      const last = [
        { past: 10, tokens: long.slice(10) },
        { past: 6, tokens: short.slice(6) },
      ];
      const { logits } = graftRun(last, edits, [[0], [0]], decoder);
      for (const [row, tokens] of tiny.prompts.entries()) {
        const expected = tiny.golden(`steered_logits.${row}`).subarray((tokens.length - 1) * vocabulary);
        assert.ok(
          largestDifference(logits.subarray(row * vocabulary, (row + 1) * vocabulary), expected) < 1e-4,
        );
      }
    });

    test('projections are <h, v> of the unedited stream when every coefficient is zero', () => {
      const concepts = 2;
      const edit = zeroEdit(concepts);
      const { steering_projection: projection } = graftRun([{ tokens: long }], [edit], [[]]);
      const stream = tiny.golden('hidden_states.0');
      const expected = floats([layers, long.length, concepts]).data as Float32Array;
      for (let layer = 0; layer < layers; layer++)
        for (let position = 0; position < long.length; position++)
          for (let k = 0; k < concepts; k++) {
            let sum = 0;
            for (let i = 0; i < hidden; i++)
              sum +=
                (stream[(layer * long.length + position) * hidden + i] ?? 0) *
                (edit.vectors[(layer * concepts + k) * hidden + i] ?? 0);
            expected[(layer * long.length + position) * concepts + k] = sum;
          }
      assert.ok(largestDifference(projection, expected) < 1e-4);
    });

    test('projections are taken before the edit', () => {
      const edit = goldenEdit(tiny, 0);
      const only = (layer: number): RowEdit => ({
        ...edit,
        add: edit.add.map((value, i) => (Math.floor(i / 2) === layer ? value : 0)),
        scale: edit.scale.map((value, i) => (Math.floor(i / 2) === layer ? value : 0)),
      });
      const unedited = graftRun([{ tokens: long }], [only(-1)], [[]]).steering_projection;
      const edited = graftRun([{ tokens: long }], [only(2)], [[]]).steering_projection;
      const perLayer = long.length * 2;
      assert.deepEqual(edited.subarray(0, 3 * perLayer), unedited.subarray(0, 3 * perLayer));
      assert.ok(largestDifference(edited.subarray(3 * perLayer), unedited.subarray(3 * perLayer)) > 1e-3);
    });
  });
}
