/** Runs a graph once through src/ort: named arrays in, named arrays out. */
import { serializeModel } from '../../src/onnx/graph/model-file.js';
import type { ModelProto } from '../../src/onnx/schema/onnx_pb.js';
import { Binding, RunOptions } from '../../src/ort/binding.js';
import { Session } from '../../src/ort/session.js';
import { type ElementType, ownArray, Tensor, type TensorArray } from '../../src/ort/tensor.js';
import { tinySize } from './tiny-models.js';

export interface Feed {
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly data: TensorArray;
}

const product = (shape: readonly number[]) => shape.reduce((all, size) => all * size, 1);

export function floats(shape: readonly number[], values?: ArrayLike<number>): Feed {
  const data = ownArray(Float32Array, product(shape));
  if (values) data.set(values);
  return { type: 'float32', shape, data };
}

export function ints(shape: readonly number[], values: readonly number[]): Feed {
  const data = ownArray(BigInt64Array, product(shape));
  data.set(values.map(BigInt));
  return { type: 'int64', shape, data };
}

export async function openGraph(model: ModelProto, weightsDirectory: string): Promise<Session> {
  return Session.create(serializeModel(model), { threads: 1, weightsDirectory, spinning: false });
}

/** One run. An output is given as the shape it will have, or as a feed to write into. */
export function runGraph(
  session: Session,
  inputs: Readonly<Record<string, Feed>>,
  outputs: Readonly<Record<string, readonly number[] | Feed>>,
): Record<string, Float32Array> {
  const binding = new Binding(session);
  const options = new RunOptions();
  const tensors: Tensor[] = [];
  const tensor = ({ data, type, shape }: Feed) => {
    const made = Tensor.over(data, type, shape);
    tensors.push(made);
    return made;
  };
  const results: Record<string, Float32Array> = {};
  try {
    for (const [name, feed] of Object.entries(inputs)) binding.input(name, tensor(feed));
    for (const [name, wanted] of Object.entries(outputs)) {
      const feed = 'data' in wanted ? wanted : floats(wanted);
      results[name] = feed.data as Float32Array;
      binding.output(name, tensor(feed));
    }
    binding.run(options);
  } finally {
    binding.release();
    options.release();
    for (const made of tensors) made.release();
  }
  return results;
}

/** One sequence of a batch: how many tokens its cache row holds, and those that come now. */
export interface DecoderRow {
  readonly past?: number;
  readonly tokens: readonly number[];
}

/**
 * A tiny export, or a graft of it, with its KV cache in place. Rows shorter than the longest are padded on the
 * right, as the engine does.
 */
export class TinyDecoder {
  readonly #cache: Record<string, Feed> = {};

  constructor(
    readonly session: Session,
    readonly rows: number,
    readonly capacity = 32,
  ) {
    const { kvHeads, headSize } = tinySize;
    for (const { name } of session.outputs)
      if (name.startsWith('present.')) this.#cache[name] = floats([rows, kvHeads, capacity, headSize]);
  }

  run(
    rows: readonly DecoderRow[],
    inputs: Readonly<Record<string, Feed>>,
    outputs: Readonly<Record<string, readonly number[]>>,
  ): Record<string, Float32Array> {
    const length = Math.max(...rows.map(({ tokens }) => tokens.length));
    const total = Math.max(...rows.map(({ past = 0 }) => past)) + length;
    const padded = (values: readonly number[], size: number) => [
      ...values,
      ...new Array<number>(size - values.length).fill(0),
    ];
    const pasts = Object.fromEntries(
      Object.entries(this.#cache).map(([name, feed]) => [name.replace('present', 'past_key_values'), feed]),
    );
    return runGraph(
      this.session,
      {
        input_ids: ints(
          [rows.length, length],
          rows.flatMap(({ tokens }) => padded(tokens, length)),
        ),
        attention_mask: ints(
          [rows.length, total],
          rows.flatMap(({ past = 0, tokens }) =>
            padded(new Array<number>(past + tokens.length).fill(1), total),
          ),
        ),
        ...pasts,
        ...inputs,
      },
      { ...this.#cache, ...outputs },
    );
  }
}

/** Largest absolute difference; NaN when one of the values is NaN or the lengths differ. */
export function largestDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Number.NaN;
  let largest = 0;
  for (let i = 0; i < actual.length; i++) {
    const difference = Math.abs((actual[i] as number) - (expected[i] as number));
    if (Number.isNaN(difference)) return Number.NaN;
    if (difference > largest) largest = difference;
  }
  return largest;
}

/** [0, 1, ..., count - 1] */
export const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);
