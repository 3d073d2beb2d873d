/**
 * Inputs to try a graph with before it serves: arbitrary tokens and edits, and arbitrary keys and values for a past that no model
 * computed; and how far apart the logits of two runs are.
 */
import { float16ToNumber } from '../../common/float16.js';
import { Tensor } from '../../ort/tensor.js';
import { newKvArray } from '../kv/kv-cache.js';
import type { ModelSpec } from '../model-spec.js';
import type { EditTerm } from '../protocol.js';
import type { NamedTensors } from '../run/graph-runner.js';

/** `count` tokens of a text from position `from` on, another one at each position. */
export function trialTokens(from: number, count: number, vocabularySize: number): number[] {
  return Array.from({ length: count }, (_, i) => (7 * (from + i + 1)) % vocabularySize);
}

/** A unit direction for every layer, added and amplified a little. */
export function trialTerm({ layers, hiddenSize }: ModelSpec, seed: number): EditTerm {
  const vectors = Float32Array.from(
    { length: layers.length * hiddenSize },
    (_, i) => Math.sin(seed * (i + 1)) * Math.sqrt(2 / hiddenSize),
  );
  const each = (value: number) => new Float32Array(layers.length).fill(value);
  return { vectors, add: each(0.5), scale: each(0.25), from: 0, to: Number.POSITIVE_INFINITY };
}

/**
 * Keys and values for one run, in the graph's layout: the same ones for every layer and row. Two graphs with the same
 * past can so be compared at any length, at the price of the few tokens behind it. In an in-place layout all layers
 * write their new keys and values to the same two buffers, so these serve for one run, not for a text.
 * @param past tokens of the longest row
 * @param capacity tokens of one row in an in-place layout; positions behind the past are filled, too, since no kernel
 *   may read them
 */
export function syntheticKv(spec: ModelSpec, rows: number, past: number, capacity: number): NamedTensors {
  const inPlace = spec.kvLayout === 'in place';
  const length = inPlace ? capacity : past;
  const key = synthesize(spec, 0, rows, length);
  const value = synthesize(spec, 1, rows, length);
  const inputs: Record<string, Tensor> = {};
  const outputs: Record<string, Tensor> = {};
  for (const { pastKey, presentKey, pastValue, presentValue } of spec.layers) {
    inputs[pastKey] = key;
    inputs[pastValue] = value;
    if (!inPlace) continue;
    outputs[presentKey] = key;
    outputs[presentValue] = value;
  }
  return { inputs, outputs };
}

/** @param kind 0 for keys, 1 for values */
function synthesize(spec: ModelSpec, kind: number, rows: number, length: number): Tensor {
  const { kvHeads, headSize, kvType } = spec;
  const rowLength = kvHeads * length * headSize;
  const data = newKvArray(spec, Math.max(1, rows * rowLength));
  const choices = kvType === 'float16' ? choiceBits : choiceNumbers;
  let at = 0;
  for (let head = 0; head < kvHeads; head++)
    for (let position = 0; position < length; position++)
      for (let i = 0; i < headSize; i++)
        data[at++] = choices[scramble(position, (head * headSize + i) * 2 + kind)] as number;
  for (let row = 1; row < rows; row++) data.copyWithin(row * rowLength, 0, rowLength);
  return Tensor.over(data, kvType, [rows, kvHeads, length, headSize]);
}

/** Half-precision numbers of either sign from 1/16 to 1: float16 and float32 graphs can both represent them exactly. */
const choiceBits = Uint16Array.from(
  { length: 4096 },
  (_, i) => ((i & 1) << 15) | ((11 + ((i >> 1) & 3)) << 10) | ((i >> 3) << 1),
);
const choiceNumbers = Float32Array.from(choiceBits, float16ToNumber);

/** Index of a choice, by a hash of position and column, so that neighbours have unrelated numbers. */
function scramble(position: number, column: number): number {
  let mixed = Math.imul(position + 1, 0x9e3779b1) ^ Math.imul(column + 1, 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d);
  return (mixed ^ (mixed >>> 13)) & 4095;
}

/**
 * The largest difference, and the largest expected logit to compare it with. `apart` is NaN, which no bound holds, where
 * either run gave a number that is not finite.
 * @param actual may be longer than `expected`
 */
export function logitDistance(
  actual: Float32Array,
  expected: Float32Array,
): { readonly apart: number; readonly largest: number } {
  let largest = 0;
  let apart = 0;
  for (let i = 0; i < expected.length; i++) {
    const value = expected[i] ?? Number.NaN;
    const difference = Math.abs((actual[i] ?? Number.NaN) - value);
    largest = Math.max(largest, Math.abs(value));
    apart = Math.max(apart, Number.isFinite(difference) ? difference : Number.NaN);
  }
  return { apart, largest };
}
