import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { findLayerCaches } from '../../../src/onnx/find/residual-stream.js';
import { Graph } from '../../../src/onnx/graph/graph.js';
import { OnnxError, serializeModel } from '../../../src/onnx/graph/model-file.js';
import { attributeOf } from '../../../src/onnx/graph/node.js';
import { groupAttention } from '../../../src/onnx/rewrite/grouped-attention.js';
import type { ModelProto } from '../../../src/onnx/schema/onnx_pb.js';
import { edited, fixture, rescored, softmaxes } from '../../helpers/written-attention.js';

const exports = [
  { name: 'llama-optimum', heads: 4, kvHeads: 2 },
  { name: 'gpt2-optimum', heads: 4, kvHeads: 4 },
  { name: 'mistral-optimum', heads: 2, kvHeads: 1 },
  { name: 'gemma3-optimum', heads: 2, kvHeads: 1 },
  { name: 'olmo2-optimum', heads: 2, kvHeads: 1 },
];
const mistral = { heads: 2, kvHeads: 1 };

for (const { name, ...counts } of exports)
  describe(name, () => {
    const { model } = fixture(name);
    const before = serializeModel(model);
    const layers = findLayerCaches(new Graph(model));
    const windows = layers.map((_, layer) => 5 * layer);
    const graph = new Graph(groupAttention(model, counts, windows));

    test('keys and values go through GroupQueryAttention and nowhere else', () => {
      layers.forEach(({ pastKey, pastValue, presentKey, presentValue }, layer) => {
        const node = graph.producer(presentKey);
        assert.equal(node?.opType, 'GroupQueryAttention');
        assert.equal(graph.producer(presentValue), node);
        assert.deepEqual(graph.consumers(pastKey), [node]);
        assert.deepEqual(graph.consumers(pastValue), [node]);
        assert.equal(attributeOf(node, 'num_heads'), counts.heads);
        assert.equal(attributeOf(node, 'kv_num_heads'), counts.kvHeads);
        assert.equal(attributeOf(node, 'local_window_size') ?? 0, windows[layer]);
      });
    });

    test('nothing of the old attention is left, and positions are told for each row', () => {
      assert.deepEqual(softmaxes(graph), []);
      const names = graph.inputs().map((input) => input.name);
      assert.ok(names.includes('position_ids') && names.includes('attention_mask'));
    });

    test('the export is not touched', () => {
      assert.deepEqual(serializeModel(model), before);
    });
  });

test('a bound on the scores becomes the kernel’s', () => {
  const model = rescored((graph, { scores, mask, name }) => {
    const bent = graph.add(
      'Tanh',
      [graph.add('Div', [scores, graph.float32(3)], `${name}/div`)],
      `${name}/tanh`,
    );
    return graph.add('Add', [graph.add('Mul', [bent, graph.float32(3)], `${name}/mul`), mask], `${name}/add`);
  });
  const graph = new Graph(groupAttention(model, mistral, []));
  const nodes = graph.proto.node.filter(({ opType }) => opType === 'GroupQueryAttention');
  assert.deepEqual(
    nodes.map((node) => attributeOf(node, 'softcap')),
    [3, 3, 3],
  );
});

describe('what is not certain is refused, by name', () => {
  const refused: Record<string, [ModelProto, RegExp]> = {
    'attention that is there already': [
      fixture('llama-genai').model,
      /not past_key_values.0.key with new tokens/,
    ],
    'a second reader of the keys': [
      edited((graph) => {
        graph.add('ReduceMax', ['present.1.key'], 'test/peak', { keepdims: 0 });
        graph.addOutput('test/peak', 1, []);
      }),
      /layer 1: 2 nodes read present.1.key/,
    ],
    'new tokens before the old': [
      edited((graph) => {
        const concat = graph.producer('present.0.key');
        if (concat) concat.input.reverse();
      }),
      /layer 0: present.0.key is not past_key_values.0.key with new tokens behind it/,
    ],
    'heads of a group far apart': [
      edited((graph) => {
        const [repetition] = graph
          .consumers('present.0.value')
          .filter(({ opType }) => opType === 'Unsqueeze');
        if (repetition) graph.setInput(repetition, 1, graph.int64([1]));
      }),
      /layer 0: .* does not begin a repetition of heads/,
    ],
    'no mask': [rescored((_, { scores }) => scores), /layer 0: its attention has no mask/],
    'a mask made of tokens': [
      rescored((graph, { scores, mask, name }) => {
        const ids = graph.add('Cast', ['input_ids'], `${name}/ids`, { to: 1 });
        const own = graph.add(
          'Add',
          [mask, graph.add('ReduceMax', [ids], `${name}/id`, { keepdims: 0 })],
          `${name}/own`,
        );
        return graph.add('Add', [scores, own], `${name}/add`);
      }),
      /layer 0: its mask depends on input_ids/,
    ],
    'scores that are scaled after their mask': [
      rescored((graph, { scores, mask, name }) =>
        graph.add('Mul', [graph.add('Add', [scores, mask], `${name}/add`), graph.float32(2)], `${name}/mul`),
      ),
      /layer 0: Mul test\/0\/mul lies between its scores and its softmax/,
    ],
    'a tanh without its factor': [
      rescored((graph, { scores, mask, name }) =>
        graph.add('Add', [graph.add('Tanh', [scores], `${name}/tanh`), mask], `${name}/add`),
      ),
      /layer 0: a tanh bounds its scores to 1/,
    ],
    'a length of the past that something else reads': [
      edited((graph) => {
        const past = graph.add('Shape', ['past_key_values.0.key'], 'test/past');
        graph.addOutput(past, 7, ['4']);
      }),
      /Shape test\/past reads past_key_values.0.key beside the attention/,
    ],
    'a mask that something else reads': [
      edited((graph) => {
        graph.add('ReduceSum', ['attention_mask'], 'test/length', { keepdims: 0 });
        graph.addOutput('test/length', 7, []);
      }),
      /ReduceSum test\/length reads attention_mask beside the attention/,
    ],
    'positions of one row that decide for all': [
      edited((graph) => {
        const readers = [...graph.consumers('position_ids')].filter(({ opType }) => opType !== 'Shape');
        const longest = graph.add('ReduceMax', ['position_ids'], 'test/longest', { keepdims: 0 });
        const shifted = graph.add('Sub', ['position_ids', longest], 'test/shifted');
        graph.redirect('position_ids', shifted, readers);
      }),
      /ReduceMax test\/longest looks at the positions of all rows together/,
    ],
    'activations rounded over the whole batch': [
      edited((graph) => {
        graph.addNode('DynamicQuantizeLinear', ['logits'], ['test/q', 'test/scale', 'test/zero']);
        graph.addOutput('test/scale', 1, []);
      }),
      /DynamicQuantizeLinear rounds each row of a batch by the others/,
    ],
  };
  for (const [name, [model, reason]] of Object.entries(refused))
    test(name, () => {
      assert.throws(
        () => groupAttention(model, mistral, []),
        (error) => error instanceof OnnxError && reason.test(error.message),
      );
    });
});
