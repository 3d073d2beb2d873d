import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ActivationEdit, EditTerm } from '../../../src/engine/protocol.js';
import { type EditedRow, SteeringInputs } from '../../../src/engine/run/steering-tensors.js';
import type { Tensor } from '../../../src/ort/tensor.js';

const layers = 3;
const hidden = 2;

/** A term whose numbers tell which one it is: vectors [tag, -layer], add tag + layer, scale -(tag + layer). */
function term(tag: number, from = 0, to = Number.POSITIVE_INFINITY): EditTerm {
  const each = (value: (layer: number) => number) =>
    Float32Array.from({ length: layers }, (_, l) => value(l));
  return {
    vectors: Float32Array.from({ length: layers * hidden }, (_, i) =>
      i % hidden === 0 ? tag : -Math.floor(i / hidden),
    ),
    add: each((layer) => tag + layer),
    scale: each((layer) => -(tag + layer)),
    from,
    to,
  };
}

/** The tensors as docs/activation-edit.md defines them, computed entry by entry. */
function check(
  filled: { vectors: Tensor; add: Tensor; scale: Tensor },
  rows: readonly EditedRow[],
  tokens: number,
): void {
  const terms = Math.max(0, ...rows.map(({ edit }) => edit.length));
  const vectors: number[] = [];
  const add: number[] = [];
  const scale: number[] = [];
  for (let layer = 0; layer < layers; layer++)
    for (const { edit, position } of rows) {
      for (let k = 0; k < terms; k++)
        for (let i = 0; i < hidden; i++) vectors.push(edit[k]?.vectors[layer * hidden + i] ?? 0);
      for (let p = position; p < position + tokens; p++)
        for (let k = 0; k < terms; k++) {
          const found = edit[k];
          const active = found && p >= found.from && p < found.to;
          add.push(active ? (found.add[layer] ?? 0) : 0);
          scale.push(active ? (found.scale[layer] ?? 0) : 0);
        }
    }
  assert.deepEqual(filled.vectors.shape, [layers, rows.length, terms, hidden]);
  assert.deepEqual(filled.add.shape, [layers, rows.length, tokens, terms]);
  assert.deepEqual(filled.scale.shape, filled.add.shape);
  const read = ({ data }: Tensor, count: number) => Array.from(data?.subarray(0, count) as Float32Array);
  assert.deepEqual(read(filled.vectors, vectors.length), vectors);
  assert.deepEqual(read(filled.add, add.length), add);
  assert.deepEqual(read(filled.scale, scale.length), scale);
}

test('every batch is filled from its own rows, whatever the one before it was', () => {
  const inputs = new SteeringInputs(layers, hidden);
  const one: ActivationEdit = [term(1)];
  const two: ActivationEdit = [term(2), term(3)];
  const windowed: ActivationEdit = [term(4, 5, 7), term(5, 6)];
  const batches: [EditedRow[], number][] = [
    [[{ edit: one, position: 0 }], 1],
    [[{ edit: one, position: 1 }], 1],
    [[{ edit: two, position: 1 }], 1],
    [[{ edit: [], position: 1 }], 4],
    [[{ edit: windowed, position: 3 }], 6],
    [[{ edit: two, position: 9 }], 6],
    [
      [
        { edit: one, position: 7 },
        { edit: two, position: 2 },
        { edit: [], position: 5 },
      ],
      1,
    ],
    [
      [
        { edit: two, position: 3 },
        { edit: one, position: 8 },
        { edit: windowed, position: 6 },
      ],
      1,
    ],
    [
      [
        { edit: windowed, position: 7 },
        { edit: two, position: 4 },
      ],
      1,
    ],
  ];
  for (const [rows, tokens] of batches) check(inputs.fill(rows, tokens), rows, tokens);
});

test('tensors stay the same objects as long as the shape does', () => {
  const inputs = new SteeringInputs(layers, hidden);
  const first = inputs.fill([{ edit: [term(1)], position: 0 }], 2);
  assert.equal(inputs.fill([{ edit: [term(2)], position: 9 }], 2), first);
  assert.notEqual(inputs.fill([{ edit: [term(2)], position: 9 }], 3), first);
});
