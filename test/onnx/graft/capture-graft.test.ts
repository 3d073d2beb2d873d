import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { graftForCapture } from '../../../src/onnx/graft/capture-graft.js';
import type { Session } from '../../../src/ort/session.js';
import {
  type DecoderRow,
  ints,
  largestDifference,
  openGraph,
  TinyDecoder,
  upTo,
} from '../../helpers/run-graph.js';
import { tinyModel, tinyNames, tinySize } from '../../helpers/tiny-models.js';

const { layers, hidden, heads, vocabulary } = tinySize;
/** What the goldens sum over, and the positions they do it for. */
const span = [2, 5] as const;
const lastThree = (tokens: readonly number[]) => [3, 2, 1].map((back) => tokens.length - back);

interface Captured {
  readonly hidden_states: Float32Array;
  readonly attention_to_prefix: Float32Array;
  readonly logits?: Float32Array;
}

function captureRun(
  session: Session,
  rows: readonly DecoderRow[],
  positions: readonly (readonly number[])[],
  spans: readonly (readonly [number, number])[],
  decoder = new TinyDecoder(session, rows.length),
): Captured {
  const length = Math.max(...rows.map(({ tokens }) => tokens.length));
  const count = positions[0]?.length ?? 0;
  const wantsLogits = session.outputs.some(({ name }) => name === 'logits');
  const results = decoder.run(
    rows,
    {
      capture_positions: ints([rows.length, count], positions.flat()),
      span_start: ints(
        [rows.length],
        spans.map(([start]) => start),
      ),
      span_end: ints(
        [rows.length],
        spans.map(([, end]) => end),
      ),
    },
    {
      hidden_states: [layers, rows.length, count, hidden],
      attention_to_prefix: [layers, rows.length, heads, count],
      ...(wantsLogits ? { logits: [rows.length, length, vocabulary] } : {}),
    },
  );
  return results as unknown as Captured;
}

/** Row `row` of [L, B, ...rest] where rest has `size` elements. */
function rowOf(all: Float32Array, row: number, rows: number, size: number): Float32Array {
  const result = new Float32Array(layers * size);
  for (let layer = 0; layer < layers; layer++) {
    const from = (layer * rows + row) * size;
    result.set(all.subarray(from, from + size), layer * size);
  }
  return result;
}

for (const name of tinyNames) {
  describe(`capture graft of ${name}`, async () => {
    const tiny = tinyModel(name);
    const [long, short] = tiny.prompts;
    const withLogits = await openGraph(graftForCapture(tiny.model()), tiny.directory);
    const withoutLogits = await openGraph(graftForCapture(tiny.model(), { logits: false }), tiny.directory);
    after(() => {
      withLogits.release();
      withoutLogits.release();
    });

    test('inputs and outputs are exactly the contract', () => {
      const shapes = (values: Session['inputs']) =>
        Object.fromEntries(values.map(({ name, type, shape }) => [name, { type, shape }]));
      const inputs = shapes(withLogits.inputs);
      assert.deepEqual(inputs.capture_positions, { type: 'int64', shape: [-1, -1] });
      assert.deepEqual(inputs.span_start, { type: 'int64', shape: [-1] });
      assert.deepEqual(inputs.span_end, { type: 'int64', shape: [-1] });
      const outputs = shapes(withLogits.outputs);
      assert.deepEqual(outputs.hidden_states, { type: 'float32', shape: [layers, -1, -1, hidden] });
      assert.deepEqual(outputs.attention_to_prefix, { type: 'float32', shape: [layers, -1, heads, -1] });
      const { logits, ...rest } = outputs;
      assert.ok(logits);
      assert.deepEqual(shapes(withoutLogits.outputs), rest, 'logits: false drops the logits alone');
    });

    for (const [what, session] of [
      ['with logits', withLogits],
      ['without logits', withoutLogits],
    ] as const)
      test(`block outputs and attention are those of PyTorch, ${what}`, () => {
        tiny.prompts.forEach((tokens, row) => {
          const all = captureRun(session, [{ tokens }], [upTo(tokens.length)], [span]);
          assert.ok(largestDifference(all.hidden_states, tiny.golden(`hidden_states.${row}`)) < 1e-4);
          const last = captureRun(session, [{ tokens }], [lastThree(tokens)], [span]);
          const attention = tiny.golden(`attention_to_prefix.${row}`);
          assert.ok(largestDifference(last.attention_to_prefix, attention) < 1e-5);
          if (all.logits) assert.ok(largestDifference(all.logits, tiny.golden(`logits.${row}`)) < 1e-4);
        });
      });

    test('attention over the whole text is one, over nothing zero', () => {
      const whole = captureRun(withoutLogits, [{ tokens: long }], [upTo(11)], [[0, 11]]).attention_to_prefix;
      assert.ok(largestDifference(whole, new Float32Array(whole.length).fill(1)) < 1e-5);
      const none = captureRun(withoutLogits, [{ tokens: long }], [upTo(11)], [[3, 3]]).attention_to_prefix;
      assert.ok(none.every((value) => value === 0));
    });

    test('after a past, positions count within the new tokens and the span within the whole text', () => {
      for (const cut of [1, 4, 8]) {
        const decoder = new TinyDecoder(withoutLogits, 1);
        captureRun(withoutLogits, [{ tokens: long.slice(0, cut) }], [[0]], [[0, 0]], decoder);
        const tokens = long.slice(cut);
        const positions = lastThree(tokens);
        const rest = captureRun(withoutLogits, [{ past: cut, tokens }], [positions], [span], decoder);
        const whole = captureRun(withoutLogits, [{ tokens: long }], [lastThree(long)], [span]);
        assert.ok(largestDifference(rest.hidden_states, whole.hidden_states) < 1e-5);
        assert.ok(largestDifference(rest.attention_to_prefix, tiny.golden('attention_to_prefix.0')) < 1e-5);
      }
    });

    test('a ragged batch, each row with its own positions and span, gives what each row gives alone', () => {
      const rows = [{ tokens: short }, { tokens: long }, { tokens: long.slice(3) }];
      const positions = rows.map(({ tokens }) => lastThree(tokens));
      const spans = [span, [0, 4], [5, 8]] as const;
      const batch = captureRun(withoutLogits, rows, positions, spans);
      rows.forEach((row, index) => {
        const alone = captureRun(withoutLogits, [row], [positions[index] ?? []], [spans[index] ?? span]);
        const states = rowOf(batch.hidden_states, index, 3, 3 * hidden);
        const attention = rowOf(batch.attention_to_prefix, index, 3, heads * 3);
        assert.ok(largestDifference(states, alone.hidden_states) < 1e-5, `row ${index}`);
        assert.ok(largestDifference(attention, alone.attention_to_prefix) < 1e-5, `row ${index}`);
      });
    });
  });
}
