/** Decode steps of fixed shape on the CPU, where nothing is recorded: what a device replays is the right step. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { ActivationEdit } from '../../../src/engine/protocol.js';
import { DecodeGraphs } from '../../../src/engine/run/decode-graphs.js';
import type { DecodeRow, FixedShapeStep } from '../../../src/engine/run/fixed-shape-step.js';
import { graftForServing } from '../../../src/onnx/graft/serving-graft.js';
import { parseModel } from '../../../src/onnx/graph/model-file.js';
import { families, goldensOf } from '../../helpers/families.js';
import { type FixedRunner, openFixedRunner } from '../../helpers/fixed-runner.js';
import { largestDifference } from '../../helpers/run-graph.js';

const none: ActivationEdit = [];

for (const family of families.filter(({ layout }) => layout === 'in place'))
  describe(`${family.name} with fixed shapes`, () => {
    const golden = goldensOf(family);
    const prompts = [0, 1].map((row) => golden.ids(`input_ids.${row}`));
    const [long = [], short = []] = prompts;
    const edits = [0, 1].map((row) => golden.edit(row));
    const [rich = none, other = none] = edits;
    let opened: { usual: FixedRunner; fixed: FixedRunner; graphs: DecodeGraphs } | null = null;
    before(async () => {
      const usual = await openFixedRunner(golden.directory, false);
      const fixed = await openFixedRunner(golden.directory, true);
      opened = { usual, fixed, graphs: await DecodeGraphs.open(fixed.session, fixed.cache) };
      fixed.runner.useGraphs(opened.graphs);
    });
    after(() => {
      opened?.usual.release();
      opened?.fixed.release();
    });
    const both = () => {
      assert.ok(opened);
      return opened;
    };

    test('a prompt in pieces gives the usual graft’s logits at every position', () => {
      const { usual, fixed } = both();
      const read = ({ runner }: FixedRunner) => [
        runner.chunk(0, long.slice(0, 4), 0, rich, 4).logits.slice(),
        runner.chunk(0, long.slice(4), 4, rich, 2).logits.slice(),
        runner.chunk(1, short, 0, none, short.length).logits.slice(),
      ];
      const expected = read(usual);
      read(fixed).forEach((logits, i) => {
        assert.ok(largestDifference(logits, expected[i] as Float32Array) < 1e-6);
      });
    });

    /** Rows whose prompts are in the cache of both, ready to decode. */
    function start(rows: readonly { prompt: readonly number[]; edit: ActivationEdit }[]): DecodeRow[] {
      const { usual, fixed } = both();
      return rows.map(({ prompt, edit }, slot) => {
        for (const { runner } of [usual, fixed]) runner.chunk(slot, prompt.slice(0, -1), 0, edit, 0);
        return { lastToken: prompt.at(-1) ?? 0, computed: prompt.length - 1, edit };
      });
    }

    function stepOf(rows: readonly DecodeRow[]): FixedShapeStep {
      const step = both().graphs.stepFor(rows);
      assert.ok(step, 'there is a step for these rows');
      return step;
    }

    /** One step both ways; the rows go on with the usual path's likeliest tokens. */
    function advance(rows: readonly DecodeRow[]): DecodeRow[] {
      const { usual, fixed, graphs } = both();
      const size = usual.spec.vocabularySize;
      const { logits: expected, projections: projected } = usual.runner.decodeRows(rows, true);
      assert.equal(expected.length, rows.length * size);
      const step = graphs.stepFor(rows);
      assert.ok(step);
      const { logits, projections } = step.run(rows, fixed.runner.runOptions, true);
      assert.ok(projected && projections);
      assert.ok(largestDifference(logits.subarray(0, expected.length), expected) < 1e-5);
      rows.forEach(({ edit }, row) => {
        const terms = edit.map((_, k) => k);
        if (terms.length > 0)
          assert.ok(largestDifference(projections.read(row, 0, terms), projected.read(row, 0, terms)) < 1e-4);
      });
      return rows.map((row, slot) => {
        const own = expected.subarray(slot * size, (slot + 1) * size);
        return { ...row, lastToken: own.indexOf(Math.max(...own)), computed: row.computed + 1 };
      });
    }

    test('ragged rows, each with its own edit, decode as ever; some leave and others come', () => {
      let rows = start([
        { prompt: long, edit: rich },
        { prompt: short, edit: none },
        { prompt: short.slice(1), edit: other.slice(0, 1) },
      ]);
      for (let i = 0; i < 4; i++) rows = advance(rows);
      // The last row takes the place of the first.
      const { usual, fixed } = both();
      const [, second, last] = rows;
      assert.ok(second && last);
      for (const { cache } of [usual, fixed]) cache.moveRow(2, 0, last.computed);
      rows = [last, second];
      for (let i = 0; i < 3; i++) rows = advance(rows);
      const joined = start([{ prompt: long.slice(2), edit: other }]);
      rows = [...joined, ...rows.slice(1)];
      for (let i = 0; i < 3; i++) rows = advance(rows);
    });

    test('unsteered rows that get an edit, and lose it again', () => {
      let rows = start([
        { prompt: short, edit: none },
        { prompt: long, edit: none },
      ]);
      for (const edit of [none, rich, none, other])
        for (let i = 0; i < 2; i++) rows = advance(rows.map((row) => ({ ...row, edit })));
    });

    test('rows of the same number and up to as many concepts share a step; above four there is none', () => {
      const row = { lastToken: 1, computed: 0, edit: none };
      const term = rich.slice(0, 1);
      const edited = (count: number) => ({ ...row, edit: new Array(count).fill(term[0]) as ActivationEdit });
      assert.equal(stepOf([row, row]), stepOf([row, edited(1)]));
      assert.equal(stepOf([edited(3)]), stepOf([edited(4)]));
      assert.notEqual(stepOf([row]), stepOf([row, row]));
      assert.notEqual(stepOf([edited(1)]).graph, stepOf([edited(2)]).graph);
      assert.equal(both().graphs.stepFor([edited(5)]), null);
    });
  });

test('exports without GroupQueryAttention have no fixed shapes', async () => {
  for (const family of families.filter(({ layout }) => layout === 'concatenated')) {
    const { directory } = goldensOf(family);
    const file = join(directory, 'model.onnx');
    const model = parseModel(await readFile(file), file);
    assert.throws(
      () => graftForServing(model, { floatLogits: true, fixedShapes: true }),
      /no GroupQueryAttention/,
    );
  }
});
