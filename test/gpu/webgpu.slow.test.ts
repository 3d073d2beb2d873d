/** The device path on SwiftShader: slow, but the same code and kernels as on a real GPU. */
import assert from 'node:assert/strict';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { WorkerEngine } from '../../src/engine/client/worker-engine.js';
import type { SequenceRequest } from '../../src/engine/protocol.js';
import { serializeModel } from '../../src/onnx/graph/model-file.js';
import { tinyChatModel, tinyModels } from '../commands/tiny-chat-model.js';
import { request, startEngine, tokens } from '../helpers/engine.js';
import { goldensOf } from '../helpers/families.js';
import { largestDifference } from '../helpers/run-graph.js';
import { asTerms, goldenEdit } from '../helpers/steering.js';
import { tinyModel, tinyNames } from '../helpers/tiny-models.js';
import { unrewritable } from '../helpers/written-attention.js';
import { fitOn } from './device-checks.js';
import { noSoftwareGpu } from './software-gpu.js';

const skip = noSoftwareGpu ? `no software GPU: ${noSoftwareGpu}` : false;
const onWebGpu = { device: 'webgpu', deviceIndex: 0, deviceMemory: 0 } as const;

for (const name of tinyNames)
  describe(`${name} on WebGPU, keys and values on the device`, { skip }, () => {
    const tiny = tinyModel(name);
    const [long, short] = tiny.prompts;
    let [gpu, cpu] = [undefined, undefined] as [WorkerEngine | undefined, WorkerEngine | undefined];
    before(async () => {
      // More sequences than slots: rows join the batch, leave it and move within it.
      const settings = { slots: 3, capacity: 64, prefillChunk: 4 };
      [gpu, cpu] = await Promise.all([
        startEngine(tiny.directory, { ...settings, where: onWebGpu }),
        startEngine(tiny.directory, settings),
      ]);
    });
    after(() => Promise.all([gpu?.close(), cpu?.close()]));
    const engines = () => {
      assert.ok(gpu && cpu);
      return { gpu, cpu };
    };

    test('is where it runs', () => {
      assert.equal(engines().gpu.device, 'webgpu');
      // SwiftShader's subgroups have four lanes.
      for (const warning of engines().gpu.warnings) assert.match(warning, /long chunks of a prompt wrong/);
    });

    test('a ragged batch, each row with its own edit, writes the CPU’s tokens', async () => {
      const edits = [0, 1].map((row) => asTerms(goldenEdit(tiny, row)));
      const window = asTerms(goldenEdit(tiny, 0), 9, 12);
      const asked: SequenceRequest[] = [
        request(long, { edit: edits[0] ?? [] }),
        request(short, { maxTokens: 3 }),
        request(short, { edit: edits[1] ?? [], maxTokens: 9 }),
        request(long.slice(2), { edit: window, maxTokens: 8 }),
        request(long, { maxTokens: 7 }),
        request(short.slice(1), { edit: edits[0] ?? [], maxTokens: 5 }),
      ];
      const write = (engine: WorkerEngine) => Promise.all(asked.map((one) => tokens(engine, one)));
      const [onGpu, onCpu] = await Promise.all([write(engines().gpu), write(engines().cpu)]);
      assert.deepEqual(onGpu, onCpu);
      assert.deepEqual(onGpu[0], tiny.ids('steered_greedy.0'), 'and PyTorch’s');
      assert.deepEqual(onGpu[4], tiny.ids('greedy.0').slice(0, 7));
    });

    test('scores and activations are the CPU’s', async () => {
      const edit = asTerms(goldenEdit(tiny, 0));
      const score = { tokens: long, from: 1, edit, priority: 'interactive' } as const;
      const capture = { tokens: long, positions: [3, 9, 10], span: [2, 5], shared: 2 } as const;
      const ask = (engine: WorkerEngine) => Promise.all([engine.score(score), engine.capture(capture)]);
      const [[scored, captured], [expected, activations]] = await Promise.all([
        ask(engines().gpu),
        ask(engines().cpu),
      ]);
      assert.ok(largestDifference(scored, expected) < 1e-4);
      assert.ok(largestDifference(captured.hiddenStates, activations.hiddenStates) < 1e-4);
      assert.ok(largestDifference(captured.attentionToPrefix, activations.attentionToPrefix) < 1e-5);
    });
  });

for (const { how, rewritten } of [
  { how: 'is rewritten to GroupQueryAttention', rewritten: true },
  { how: 'concatenates keys and values', rewritten: false },
])
  test(`an export that ${how} writes PyTorch’s tokens`, { skip }, async () => {
    const golden = goldensOf({ name: 'gpt2-optimum' });
    const kept = await mkdtemp(join(tmpdir(), 'steerd-webgpu-'));
    await copyFile(join(golden.directory, 'config.json'), join(kept, 'config.json'));
    await writeFile(join(kept, 'model.onnx'), serializeModel(unrewritable('gpt2-optimum')));
    const directory = rewritten ? golden.directory : kept;
    const engine = await startEngine(directory, { slots: 2, capacity: 32, where: onWebGpu });
    try {
      assert.equal(/was rewritten to it/.test(engine.warnings.join()), rewritten);
      const written = await Promise.all(
        [0, 1].map((row) =>
          tokens(engine, request(golden.ids(`input_ids.${row}`), { edit: golden.edit(row), maxTokens: 5 })),
        ),
      );
      const steered = (row: number) => golden.ids(`steered_greedy.${row}`).slice(0, 5);
      assert.deepEqual(written, [steered(0), steered(1)]);
    } finally {
      await engine.close();
      await rm(kept, { recursive: true });
    }
  });

test('a fit gives the CPU’s directions', { skip }, async (t) => {
  const folder = join(await tinyModels(t), tinyChatModel);
  const [onGpu, onCpu] = await Promise.all([fitOn(folder, 'webgpu'), fitOn(folder, 'cpu')]);
  assert.ok(largestDifference(onGpu, onCpu) < 1e-3);
});
