/**
 * The capture graft rebuilds attention that the kernel hides. Here the kernel shows it: its values are made
 * one-hot in the key's position, so each head's answer is its row of probabilities.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { graftForCapture } from '../../../src/onnx/graft/capture-graft.js';
import { dataTypes } from '../../../src/onnx/graph/data-types.js';
import { Graph } from '../../../src/onnx/graph/graph.js';
import { OnnxError } from '../../../src/onnx/graph/model-file.js';
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  type ModelProto,
  type NodeProto,
} from '../../../src/onnx/schema/onnx_pb.js';
import { floats, ints, largestDifference, openGraph, TinyDecoder, upTo } from '../../helpers/run-graph.js';
import { tinyModel, tinySize } from '../../helpers/tiny-models.js';

const { layers, hidden, heads, kvHeads, headSize } = tinySize;
const tiny = tinyModel('llama-genai');
const [tokens] = tiny.prompts;
const length = tokens.length;

function setAttribute(node: NodeProto, name: string, value: number): void {
  const types = AttributeProto_AttributeType;
  const float = name === 'scale' || name === 'softcap';
  node.attribute = [
    ...node.attribute.filter((entry) => entry.name !== name),
    create(
      AttributeProtoSchema,
      float ? { name, type: types.FLOAT, f: value } : { name, type: types.INT, i: BigInt(value) },
    ),
  ];
}

function firstAttention(model: ModelProto): NodeProto {
  const found = model.graph?.node.find((node) => node.opType === 'GroupQueryAttention');
  if (!found) throw new Error('no GroupQueryAttention');
  return found;
}

/** The export with layer 0's values replaced by the input `probe`, and its answer as an output. */
function probed(attributes: Readonly<Record<string, number>>, packed: boolean, shift: number): ModelProto {
  const model = tiny.model();
  const graph = new Graph(model);
  const node = firstAttention(model);
  for (const [name, value] of Object.entries(attributes)) setAttribute(node, name, value);
  graph.addInput('probe', dataTypes.float32, ['batch_size', 'sequence_length', `${kvHeads * headSize}`]);
  const width = heads * headSize;
  const kvWidth = kvHeads * headSize;
  const [qkv = ''] = node.input;
  const cut = (from: number, to: number, name: string) =>
    graph.add('Slice', [qkv, graph.int64([from]), graph.int64([to]), graph.int64([2])], name);
  const query = cut(0, width, 'test/query');
  const key = cut(width, width + kvWidth, 'test/key');
  if (packed) {
    graph.setInput(node, 0, graph.add('Concat', [query, key, 'probe'], 'test/packed', { axis: 2 }));
  } else {
    graph.setInput(node, 0, query);
    graph.setInput(node, 1, key);
    graph.setInput(node, 2, 'probe');
  }
  if (shift > 0) {
    graph.addInput('position_ids', dataTypes.int64, ['batch_size', 'sequence_length']);
    graph.setInput(node, 9, 'position_ids');
  }
  graph.addOutput(node.output[0] ?? '', dataTypes.float32, ['batch_size', 'sequence_length', `${width}`]);
  return model;
}

/** Attention [heads, S] summed over the span: as the kernel has it, and as the graft says. */
async function bothAttentions(model: ModelProto, span: readonly [number, number], shift: number) {
  const answer = firstAttention(model).output[0] ?? '';
  const session = await openGraph(graftForCapture(model, { logits: false }), tiny.directory);
  const probe = floats([1, length, kvHeads * headSize]);
  for (let position = 0; position < length; position++)
    for (let head = 0; head < kvHeads; head++)
      probe.data[(position * kvHeads + head) * headSize + position] = 1;
  const results = new TinyDecoder(session, 1).run(
    [{ tokens }],
    {
      probe,
      capture_positions: ints([1, length], upTo(length)),
      span_start: ints([1], [span[0]]),
      span_end: ints([1], [span[1]]),
      ...(shift > 0
        ? {
            position_ids: ints(
              [1, length],
              upTo(length).map((p) => p + shift),
            ),
          }
        : {}),
    },
    {
      hidden_states: [layers, 1, length, hidden],
      attention_to_prefix: [layers, 1, heads, length],
      [answer]: [1, length, heads * headSize],
    },
  );
  session.release();
  const expected = new Float32Array(heads * length);
  for (let position = 0; position < length; position++)
    for (let head = 0; head < heads; head++) {
      const row = results[answer]?.subarray((position * heads + head) * headSize) ?? [];
      let sum = 0;
      for (let key = span[0]; key < span[1]; key++) sum += row[key] ?? 0;
      expected[head * length + position] = sum;
    }
  return { expected, actual: results.attention_to_prefix?.subarray(0, heads * length) ?? [] };
}

describe("attention rebuilt for the capture graft is the kernel's", () => {
  const variants: {
    readonly what: string;
    readonly attributes: Record<string, number>;
    readonly shift?: number;
  }[] = [
    { what: 'as exported', attributes: {} },
    { what: 'the default scale', attributes: { scale: 0 } },
    { what: 'another scale', attributes: { scale: 1.5 } },
    { what: 'a softcap', attributes: { softcap: 0.7, scale: 2 } },
    { what: 'a sliding window', attributes: { local_window_size: 3 } },
    { what: 'interleaved rotation', attributes: { rotary_interleaved: 1 } },
    { what: 'no rotation', attributes: { do_rotary: 0 } },
    { what: 'position ids of its own', attributes: {}, shift: 4 },
  ];
  for (const { what, attributes, shift = 0 } of variants)
    for (const packed of [false, true])
      test(`${what}, ${packed ? 'q, k and v packed' : 'q, k and v apart'}`, async () => {
        for (const span of [
          [2, 5],
          [0, 1],
          [0, length],
        ] as const) {
          const { expected, actual } = await bothAttentions(probed(attributes, packed, shift), span, shift);
          assert.ok(largestDifference(actual, expected) < 1e-5);
        }
      });

  test('what cannot be rebuilt is refused with its layer and reason', () => {
    const refused = (edit: (node: NodeProto) => void, reason: RegExp) => {
      const model = tiny.model();
      edit(firstAttention(model));
      assert.throws(
        () => graftForCapture(model),
        (error) => error instanceof OnnxError && /layer 0/.test(error.message) && reason.test(error.message),
      );
    };
    refused((node) => setAttribute(node, 'smooth_softmax', 1), /smooth softmax/);
    refused((node) => {
      node.input[10] = 'some_bias';
    }, /attention bias/);
    refused((node) => {
      node.input[11] = 'some_sinks';
    }, /head sinks/);
    refused((node) => {
      node.opType = 'MultiHeadAttention';
    }, /MultiHeadAttention/);
  });
});
