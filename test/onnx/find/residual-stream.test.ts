import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { findResidualStream } from '../../../src/onnx/find/residual-stream.js';
import { graftForCapture } from '../../../src/onnx/graft/capture-graft.js';
import { graftForServing } from '../../../src/onnx/graft/serving-graft.js';
import { Graph } from '../../../src/onnx/graph/graph.js';
import { OnnxError } from '../../../src/onnx/graph/model-file.js';
import type { ModelProto } from '../../../src/onnx/schema/onnx_pb.js';
import { ints, largestDifference, openGraph, TinyDecoder, upTo } from '../../helpers/run-graph.js';
import { goldenEdit, logitPositions, noEdit, type RowEdit, steeringFeeds } from '../../helpers/steering.js';
import { tinyModel, tinyNames, tinySize } from '../../helpers/tiny-models.js';
import { biased, centred, decomposed, halved, unfused } from '../rewrite/rewrites.js';

const { layers, hidden, heads, vocabulary } = tinySize;

async function exportLogits(model: ModelProto, directory: string, tokens: readonly number[]) {
  const session = await openGraph(model, directory);
  const results = new TinyDecoder(session, 1).run(
    [{ tokens }],
    {},
    { logits: [1, tokens.length, vocabulary] },
  );
  session.release();
  return results.logits as Float32Array;
}

async function graftLogits(model: ModelProto, directory: string, tokens: readonly number[], edit: RowEdit) {
  const session = await openGraph(graftForServing(model), directory);
  const results = new TinyDecoder(session, 1).run(
    [{ tokens }],
    { ...steeringFeeds([edit], tokens.length), ...logitPositions([upTo(tokens.length)]) },
    { logits: [1, tokens.length, vocabulary] },
  );
  session.release();
  return results.logits as Float32Array;
}

describe('the same model written otherwise', () => {
  const rewrites = {
    'Add and a norm': unfused,
    'Add and a decomposed norm behind an Identity': decomposed,
    'a skip norm with a bias': (model: ModelProto) => biased(model, hidden),
  };
  for (const name of tinyNames)
    for (const [what, rewrite] of Object.entries(rewrites))
      test(`${name} with ${what}: both grafts match PyTorch`, async () => {
        const tiny = tinyModel(name);
        const [tokens] = tiny.prompts;
        const model = rewrite(tiny.model());
        const plain = await exportLogits(model, tiny.directory, tokens);
        assert.ok(largestDifference(plain, tiny.golden('logits.0')) < 1e-4, 'the rewrite is the same model');

        const zero = { ...goldenEdit(tiny, 0), add: new Float32Array(8), scale: new Float32Array(8) };
        assert.deepEqual(await graftLogits(model, tiny.directory, tokens, zero), plain);
        const steered = await graftLogits(model, tiny.directory, tokens, goldenEdit(tiny, 0));
        assert.ok(largestDifference(steered, tiny.golden('steered_logits.0')) < 1e-4);

        const session = await openGraph(graftForCapture(model, { logits: false }), tiny.directory);
        const captured = new TinyDecoder(session, 1).run(
          [{ tokens }],
          {
            capture_positions: ints([1, tokens.length], upTo(tokens.length)),
            span_start: ints([1], [2]),
            span_end: ints([1], [5]),
          },
          {
            hidden_states: [layers, 1, tokens.length, hidden],
            attention_to_prefix: [layers, 1, heads, tokens.length],
          },
        );
        session.release();
        assert.ok(largestDifference(captured.hidden_states ?? [], tiny.golden('hidden_states.0')) < 1e-4);
      });

  for (const bias of [false, true])
    test(`SkipLayerNormalization ${bias ? 'with' : 'without'} a bias: zero is the export's logits`, async () => {
      const tiny = tinyModel('llama-genai');
      const [tokens] = tiny.prompts;
      const model = centred(tiny.model(), hidden, bias);
      const plain = await exportLogits(model, tiny.directory, tokens);
      assert.deepEqual(await graftLogits(model, tiny.directory, tokens, noEdit), plain);
      const steered = await graftLogits(model, tiny.directory, tokens, goldenEdit(tiny, 0));
      assert.ok(largestDifference(steered, plain) > 1e-2);
    });
});

test('a stream in half precision: zero is the export to the bit, and an edit is cast inside', async () => {
  const tiny = tinyModel('llama-genai');
  const [tokens] = tiny.prompts;
  const model = halved(tiny.model());
  const plain = await exportLogits(model, tiny.directory, tokens);
  const apart = largestDifference(plain, tiny.golden('logits.0'));
  assert.ok(apart > 1e-5 && apart < 3e-2, `half precision is ${apart} away`);
  const zero = { ...goldenEdit(tiny, 0), add: new Float32Array(8), scale: new Float32Array(8) };
  assert.deepEqual(await graftLogits(model, tiny.directory, tokens, zero), plain);
  const steered = await graftLogits(model, tiny.directory, tokens, goldenEdit(tiny, 0));
  assert.ok(largestDifference(steered, tiny.golden('steered_logits.0')) < 3e-2);
});

describe('an export that lacks something is refused by name', () => {
  const tiny = tinyModel('llama-genai');
  const refused = (edit: (model: ModelProto) => void, reason: RegExp) => {
    for (const graft of [graftForServing, graftForCapture]) {
      const model = tiny.model();
      edit(model);
      assert.throws(
        () => graft(model),
        (error) => {
          assert.ok(error instanceof OnnxError, String(error));
          assert.match(error.message, reason);
          return true;
        },
      );
    }
  };
  const graphOf = (model: ModelProto) => {
    assert.ok(model.graph);
    return model.graph;
  };
  const nodeMaking = (model: ModelProto, tensor: string) => {
    const found = graphOf(model).node.find((node) => node.output.includes(tensor));
    assert.ok(found, tensor);
    return found;
  };

  test('a graph', () => {
    refused((model) => {
      delete model.graph;
    }, /no graph/);
  });

  test('the KV cache outputs', () => {
    refused((model) => {
      const graph = graphOf(model);
      graph.output = graph.output.filter(({ name }) => !name.startsWith('present'));
    }, /no KV cache outputs.*present/);
  });

  test("one layer's past value", () => {
    refused((model) => {
      const graph = graphOf(model);
      graph.input = graph.input.filter(({ name }) => name !== 'past_key_values.2.value');
    }, /layer 2 has no past value input$/);
  });

  test('logits', () => {
    refused((model) => {
      const graph = graphOf(model);
      graph.output = graph.output.filter(({ name }) => name !== 'logits');
    }, /no output named logits/);
  });

  test('a maker of a KV cache output', () => {
    refused((model) => {
      const attention = nodeMaking(model, 'present.1.key');
      attention.output[1] = 'elsewhere';
    }, /nothing in the graph computes present\.1\.key/);
  });

  test('the way from an attention to the stream', () => {
    refused((model) => {
      const project = graphOf(model).node.find(
        (node) =>
          node.opType === 'MatMul' && node.input[0] === '/model/layers.2/attn/GroupQueryAttention/output_0',
      );
      assert.ok(project);
      project.input[0] = '/model/layers.2/input_layernorm/output_0';
    }, /layer 2: no addition joins its attention/);
  });

  test('the way from the last block to the logits', () => {
    refused((model) => {
      const head = nodeMaking(model, 'logits');
      head.input[0] = '/model/layers.0/input_layernorm/output_0';
    }, /layer 3: no addition/);
  });

  test('an operator set new enough', () => {
    refused((model) => {
      for (const entry of model.opsetImport) if (entry.domain === '') entry.version = 11n;
    }, /opset 11 .*13/);
  });

  test('room for a graft: it is one already', () => {
    for (const graft of [graftForServing, graftForCapture])
      assert.throws(
        () => graftForServing(graft(tiny.model())),
        /a graft already.*(steering_vectors|capture_positions)/,
      );
  });
});

test('the stream has one distinct output a layer, in order, each upstream of the next', () => {
  for (const name of tinyNames) {
    const graph = new Graph(tinyModel(name).model());
    const { outputs, layers: caches } = findResidualStream(graph);
    assert.equal(outputs.length, layers);
    assert.deepEqual(
      caches.map(({ presentKey }) => presentKey),
      upTo(layers).map((layer) => `present.${layer}.key`),
    );
    assert.equal(new Set(outputs.map(({ node }) => node)).size, layers);
    outputs.slice(1).forEach(({ node }, index) => {
      const upstream = graph.ancestors(node.output[0] ?? '');
      assert.ok(outputs[index]?.node.output.some((output) => upstream.has(output)));
    });
  }
});
