/** Decode steps as device graphs, on SwiftShader: recorded and replayed as on a real GPU, only slower. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { WorkerEngine } from '../../src/engine/client/worker-engine.js';
import type { SequenceRequest } from '../../src/engine/protocol.js';
import { DeviceCopies } from '../../src/engine/run/device-copies.js';
import { sliceLayers, stackLayers } from '../../src/onnx/graft/fixed-shapes.js';
import { dataTypes } from '../../src/onnx/graph/data-types.js';
import { Graph } from '../../src/onnx/graph/graph.js';
import { newModel, serializeModel } from '../../src/onnx/graph/model-file.js';
import { Binding, notCaptured, RunOptions } from '../../src/ort/binding.js';
import { Session } from '../../src/ort/session.js';
import { Tensor } from '../../src/ort/tensor.js';
import { changedModel } from '../helpers/changed-model.js';
import { request, startEngine, steps, tokens } from '../helpers/engine.js';
import { floats, largestDifference } from '../helpers/run-graph.js';
import { asTerms, goldenEdit } from '../helpers/steering.js';
import { tinyModel } from '../helpers/tiny-models.js';
import { noSoftwareGpu } from './software-gpu.js';

const skip = noSoftwareGpu ? `no software GPU: ${noSoftwareGpu}` : false;
const asGraphs = { device: 'webgpu', deviceIndex: 0, deviceMemory: 0, deviceGraph: true } as const;
const tiny = tinyModel('llama-genai');
const [long, short] = tiny.prompts;
const edits = [0, 1].map((row) => asTerms(goldenEdit(tiny, row)));
const [edit = [], other = []] = edits;
const notReplayed = /^decode steps are not replayed as device graphs: /;

describe('decode steps as device graphs', { skip }, () => {
  let [gpu, cpu] = [undefined, undefined] as [WorkerEngine | undefined, WorkerEngine | undefined];
  before(async () => {
    const settings = { slots: 3, capacity: 256, prefillChunk: 4 };
    [gpu, cpu] = await Promise.all([
      startEngine(tiny.directory, { ...settings, where: asGraphs }),
      startEngine(tiny.directory, settings),
    ]);
  });
  after(() => Promise.all([gpu?.close(), cpu?.close()]));

  const onBoth = <T>(ask: (engine: WorkerEngine) => Promise<T>): Promise<[T, T]> => {
    assert.ok(gpu && cpu);
    return Promise.all([ask(gpu), ask(cpu)]);
  };

  test('pass the check at load', () => {
    assert.equal(gpu?.device, 'webgpu');
    assert.ok(!gpu?.warnings.some((warning) => notReplayed.test(warning)), gpu?.warnings.join('; '));
  });

  test('of a ragged batch write the CPU’s tokens: steered and not, rows that leave and rows that come', async () => {
    const asked: SequenceRequest[] = [
      request(long, { edit }),
      request(short, { maxTokens: 3 }),
      request(short, { edit: other, maxTokens: 9 }),
      request(long.slice(2), { edit: asTerms(goldenEdit(tiny, 0), 9, 12), maxTokens: 8 }),
      request(long, { maxTokens: 7 }),
      request(short.slice(1), { edit: edit.slice(0, 1), maxTokens: 5 }),
    ];
    const [onGpu, onCpu] = await onBoth((engine) => Promise.all(asked.map((one) => tokens(engine, one))));
    assert.deepEqual(onGpu, onCpu);
    assert.deepEqual(onGpu[0], tiny.ids('steered_greedy.0'), 'and PyTorch’s');
    assert.deepEqual(onGpu[4], tiny.ids('greedy.0').slice(0, 7));
  });

  test('follow rows that outgrow what attention reads at once', async () => {
    const prompt = Array.from({ length: 57 }, (_, i) => (11 * i) % 300);
    const [onGpu, onCpu] = await onBoth((engine) =>
      Promise.all([
        tokens(engine, request(prompt, { maxTokens: 9 })),
        tokens(engine, request(short, { edit, maxTokens: 9 })),
      ]),
    );
    assert.deepEqual(onGpu, onCpu);
  });

  test('give the projections that a request monitors', async () => {
    const monitor = edit.map(({ vectors }) => vectors);
    const asked = request(short, { edit: other, monitor, maxTokens: 4 });
    const [onGpu, onCpu] = await onBoth((engine) => steps(engine, asked));
    assert.equal(onGpu.length, onCpu.length);
    onGpu.forEach(({ projections }, i) => {
      const expected = onCpu[i]?.projections;
      assert.ok(projections && expected);
      assert.ok(largestDifference(projections, expected) < 1e-3);
    });
  });

  test('are not there for a row with more concepts than any has: it writes the CPU’s tokens without', async () => {
    const rich = [...edit, ...other, ...edit];
    const asked = [request(short, { edit: rich, maxTokens: 4 }), request(long, { maxTokens: 6 })];
    const [onGpu, onCpu] = await onBoth((engine) => Promise.all(asked.map((one) => tokens(engine, one))));
    assert.deepEqual(onGpu, onCpu);
  });
});

/** The warning about device graphs, and what is written all the same. */
async function refusal(directory: string, prompt: readonly number[], where: typeof asGraphs | undefined) {
  const engine = await startEngine(directory, {
    slots: 2,
    capacity: 32,
    prefillChunk: 8,
    ...(where && { where }),
  });
  try {
    const written = await tokens(engine, request(prompt, { maxTokens: 5 }));
    return { written, warnings: engine.warnings.filter((warning) => notReplayed.test(warning)) };
  } finally {
    await engine.close();
  }
}

test('a sliding window, which WebGPU’s graphs would ignore, is served node by node, with one warning', {
  skip,
}, async (t) => {
  const directory = await changedModel(t, tiny.directory, (graph) => {
    for (const node of graph.proto.node)
      if (node.opType === 'GroupQueryAttention') graph.setAttribute(node, 'local_window_size', 8);
  });
  const { written, warnings } = await refusal(directory, long, asGraphs);
  assert.deepEqual(written, (await refusal(directory, long, undefined)).written);
  assert.notDeepEqual(written, tiny.ids('greedy.0').slice(0, 5), 'the window matters');
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] ?? '', /a sliding window/);
});

test('so is a graph with a node that the device lacks, with the provider’s reason', { skip }, async (t) => {
  const directory = await changedModel(t, tiny.directory, (graph) => {
    const head = graph.producer('logits');
    assert.ok(head);
    // As long as no logit is that large, the remainder is the logit.
    const before = graph.renameOutput(head, 0, 'before');
    graph.add('Mod', [before, graph.float32(2 ** 40)], 'logits', { fmod: 1 });
    graph.finish();
  });
  const { written, warnings } = await refusal(directory, long, asGraphs);
  assert.deepEqual(written, tiny.ids('greedy.0').slice(0, 5));
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] ?? '', /nodes have not been partitioned to the WebGpuExecutionProvider/);
});

test('the CPU says that it has no device graphs, and goes on', async () => {
  const engine = await startEngine(tiny.directory, {
    where: { device: 'cpu', deviceIndex: 0, deviceMemory: 0, deviceGraph: true },
  });
  try {
    assert.deepEqual(engine.warnings, ['decode steps are not replayed as device graphs: the CPU has none']);
    assert.deepEqual(await tokens(engine, request(long, { edit })), tiny.ids('steered_greedy.0'));
  } finally {
    await engine.close();
  }
});

test('a graph is replayed on the memory it was recorded with; a run without one is not', {
  skip,
}, async () => {
  const model = newModel('sum');
  const graph = new Graph(model);
  graph.addInput('x', dataTypes.float32, ['2']);
  graph.add('Add', ['x', 'x'], 'y');
  graph.addOutput('y', dataTypes.float32, ['2']);
  const device = { name: 'webgpu', index: 0, memoryLimit: 0 } as const;
  const settings = { threads: 1, weightsDirectory: '.', spinning: false, device };
  const session = await Session.create(serializeModel(model), { ...settings, captures: true });
  const memory = session.deviceMemory;
  assert.ok(memory);
  const copies = await DeviceCopies.open(memory, [1]);
  const host = () => Tensor.over(new Float32Array(new ArrayBuffer(8)), 'float32', [2]);
  const onDevice = () => Tensor.onDevice(memory, 'float32', [2]);
  const copy = (from: Tensor, to: Tensor) => copies.copyOf([{ from, to, type: 'float32' }]).run();
  const read = (tensor: Tensor) => {
    const copied = host();
    copy(tensor, copied);
    return Array.from(copied.data as Float32Array);
  };
  const write = (tensor: Tensor, values: readonly number[]) => {
    const source = host();
    (source.data as Float32Array).set(values);
    copy(source, tensor);
  };
  const [x, y, z] = [onDevice(), onDevice(), onDevice()];
  const options = new RunOptions();
  const run = (output: Tensor, number: number) => {
    const binding = new Binding(session);
    binding.input('x', x);
    binding.output('y', output);
    options.useGraph(number);
    binding.run(options);
    binding.release();
  };
  write(x, [1, 2]);
  write(z, [0, 0]);
  run(y, 1);
  assert.deepEqual(read(y), [2, 4]);
  write(x, [3, 4]);
  run(z, 1);
  assert.deepEqual(
    [read(y), read(z)],
    [
      [6, 8],
      [0, 0],
    ],
    'the recorded output',
  );
  write(x, [5, 6]);
  run(z, notCaptured);
  assert.deepEqual(
    [read(y), read(z)],
    [
      [6, 8],
      [10, 12],
    ],
    'the one that is bound',
  );
  write(x, [7, 8]);
  run(z, 2);
  run(y, 2);
  run(y, 1);
  assert.deepEqual(
    [read(y), read(z)],
    [
      [14, 16],
      [14, 16],
    ],
    'graphs side by side',
  );
  copies.release();
  options.release();
});

test('any number of layers is sliced and stacked on the device', { skip }, async () => {
  const layers = 30;
  const model = newModel('layers');
  const graph = new Graph(model);
  graph.addInput('layers', dataTypes.float32, [`${layers}`, '2', '3']);
  graph.addOutput('stacked', dataTypes.float32, [`${layers}`, '2', '3']);
  const names = Array.from({ length: layers }, (_, layer) => `layer_${layer}`);
  sliceLayers(graph, 'layers', names);
  const doubled = names.map((name) => graph.add('Add', [name, name], `${name}/doubled`));
  stackLayers(graph, doubled, 'stacked');
  graph.finish();
  const device = { name: 'webgpu', index: 0, memoryLimit: 0 } as const;
  const settings = { threads: 1, weightsDirectory: '.', spinning: false, device };
  // A session that captures has no node elsewhere.
  const session = await Session.create(serializeModel(model), { ...settings, captures: true });
  const shape = [layers, 2, 3];
  const values = floats(
    shape,
    Float32Array.from({ length: layers * 6 }, (_, i) => i - 7),
  );
  const binding = new Binding(session);
  const options = new RunOptions();
  const doubledValues = floats(shape);
  const [input, output] = [values, doubledValues].map(({ data }) => Tensor.over(data, 'float32', shape));
  assert.ok(input && output);
  binding.input('layers', input);
  binding.output('stacked', output);
  options.useGraph(notCaptured);
  binding.run(options);
  assert.deepEqual(
    Array.from(doubledValues.data as Float32Array),
    Array.from(values.data as Float32Array, (value) => 2 * value),
  );
});
