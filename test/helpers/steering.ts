/** Steering inputs of a tiny model's serving graft, and its golden edit in each of the shapes that need it. */
import type { ActivationEdit } from '../../src/engine/protocol.js';
import { type Feed, floats, ints } from './run-graph.js';
import { type TinyModel, tinySize } from './tiny-models.js';

const { layers, hidden } = tinySize;

/** An edit of one row: `concepts` terms, the same at every position. */
export interface RowEdit {
  readonly concepts: number;
  /** [L, K, H] */
  readonly vectors: Float32Array;
  /** [L, K] */
  readonly add: Float32Array;
  readonly scale: Float32Array;
}

export const noEdit: RowEdit = {
  concepts: 0,
  vectors: new Float32Array(0),
  add: new Float32Array(0),
  scale: new Float32Array(0),
};

/** Row b of the golden edit, whose tensors are [L, 2 rows, 2 terms, ...]. */
export function goldenEdit(model: TinyModel, row: number): RowEdit {
  const pick = (tensor: string, width: number) => {
    const all = model.golden(tensor);
    const result = new Float32Array(layers * 2 * width);
    for (let layer = 0; layer < layers; layer++) {
      const from = (layer * 2 + row) * 2 * width;
      result.set(all.subarray(from, from + 2 * width), layer * 2 * width);
    }
    return result;
  };
  return {
    concepts: 2,
    vectors: pick('steering_vectors', hidden),
    add: pick('steering_add', 1),
    scale: pick('steering_scale', 1),
  };
}

/** The same edit as the engine takes it. */
export function asTerms(edit: RowEdit, from = 0, to = Number.POSITIVE_INFINITY): ActivationEdit {
  return Array.from({ length: edit.concepts }, (_, k) => {
    const column = (source: Float32Array, width: number) => {
      const result = new Float32Array(new SharedArrayBuffer(layers * width * 4));
      for (let layer = 0; layer < layers; layer++) {
        const at = (layer * edit.concepts + k) * width;
        result.set(source.subarray(at, at + width), layer * width);
      }
      return result;
    };
    return {
      vectors: column(edit.vectors, hidden),
      add: column(edit.add, 1),
      scale: column(edit.scale, 1),
      from,
      to,
    };
  });
}

/** steering_vectors [L, B, K, H], steering_add and steering_scale [L, B, S, K] for these rows. */
export function steeringFeeds(edits: readonly RowEdit[], length: number): Record<string, Feed> {
  const rows = edits.length;
  const concepts = Math.max(...edits.map((edit) => edit.concepts));
  const vectors = floats([layers, rows, concepts, hidden]);
  const coefficients = {
    add: floats([layers, rows, length, concepts]),
    scale: floats([layers, rows, length, concepts]),
  };
  for (let layer = 0; layer < layers; layer++)
    edits.forEach((edit, row) => {
      for (let k = 0; k < edit.concepts; k++) {
        const at = layer * edit.concepts + k;
        const vector = edit.vectors.subarray(at * hidden, (at + 1) * hidden);
        (vectors.data as Float32Array).set(vector, ((layer * rows + row) * concepts + k) * hidden);
        for (const kind of ['add', 'scale'] as const)
          for (let position = 0; position < length; position++)
            coefficients[kind].data[((layer * rows + row) * length + position) * concepts + k] =
              edit[kind][at] ?? 0;
      }
    });
  return { steering_vectors: vectors, steering_add: coefficients.add, steering_scale: coefficients.scale };
}

/** logit_positions [B, P]: the same for every row, or a list for each. */
export function logitPositions(rows: readonly (readonly number[])[]): Record<string, Feed> {
  return { logit_positions: ints([rows.length, rows[0]?.length ?? 0], rows.flat()) };
}
