/**
 * `npm run gpu-check`: on a machine with a GPU, whether every execution provider found computes what the CPU does,
 * and how fast it decodes beside it, node by node and as device graphs. Says what is missing where there is none. A table for people, JSON for
 * machines; ends with 1 when a check fails, and with 0 where there is nothing to check.
 */
import { writeFile } from 'node:fs/promises';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { packageRoot } from '../../src/common/package.js';
import type { ActivationEdit } from '../../src/engine/protocol.js';
import type { DeviceSettings } from '../../src/engine/worker-settings.js';
import { builtInDevices, deviceNames } from '../../src/ort/device.js';
import { libraryVariable, ortVersion } from '../../src/ort/library.js';
import { benchEngine } from '../bench/engine.js';
import { asTable, type Ratio, type Row } from '../bench/report.js';
import { families, goldensOf } from '../helpers/families.js';
import { type Check, checkDeviceGraphs, checkFamilies, checkFit, openEngine } from './device-checks.js';

const { values } = parseArgs({
  options: {
    device: { type: 'string', multiple: true },
    model: { type: 'string', default: join(packageRoot, 'models/smollm2-135m-instruct') },
    rounds: { type: 'string', default: '2' },
    tokens: { type: 'string', default: '48' },
    capacity: { type: 'string', default: '1024' },
    json: { type: 'string', default: 'gpu-check.json' },
    'no-bench': { type: 'boolean', default: false },
    'no-cpu': { type: 'boolean', default: false },
  },
});

const help: Readonly<Record<string, string>> = {
  cuda: `an NVIDIA driver, the CUDA libraries (cublas, cudart, curand, cudnn) on LD_LIBRARY_PATH, and an ONNX Runtime ${ortVersion} with libonnxruntime_providers_cuda.so beside it: either by onnxruntime-node's own install script (ONNXRUNTIME_NODE_INSTALL=true npm rebuild onnxruntime-node) or named by ${libraryVariable}; docs/docker.md has both ways`,
  webgpu: 'a Vulkan driver and the Vulkan loader (libvulkan1); VK_DRIVER_FILES may name the driver',
};

const say = (text: string) => process.stdout.write(`${text}\n`);
const asked = values.device ?? [...deviceNames];
const settingsOf = (device: DeviceSettings['device'], deviceGraph = false): DeviceSettings => ({
  device,
  deviceIndex: 0,
  deviceMemory: 0,
  deviceGraph,
});

/** Null when it works here, else why not. */
async function obstacle(device: 'cuda' | 'webgpu'): Promise<string | null> {
  if (!builtInDevices().includes(device)) return 'this ONNX Runtime was built without it';
  const [first] = families;
  if (!first) return null;
  try {
    const engine = await openEngine(goldensOf(first).directory, settingsOf(device), 1, 64);
    await engine.close();
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Unit vectors that steer every layer but the first a little, another direction for each of 16 streams. */
function edits(layers: number, hidden: number): ActivationEdit[] {
  return Array.from({ length: 16 }, (_, stream) => {
    const vectors = new Float32Array(new SharedArrayBuffer(layers * hidden * 4));
    for (let layer = 1; layer < layers; layer++)
      for (let i = 0; i < hidden; i++)
        vectors[layer * hidden + i] = Math.sin(1 + i * (stream + 2) + layer) * Math.sqrt(2 / hidden);
    const add = Float32Array.from({ length: layers }, (_, layer) => (layer === 0 ? 0 : 0.5));
    return [{ vectors, add, scale: new Float32Array(layers), from: 0, to: Number.POSITIVE_INFINITY }];
  });
}

async function benchmark(where: DeviceSettings): Promise<{ rows: Row[]; load: number }> {
  const section = where.deviceGraph ? `${where.device}, device graphs` : where.device;
  const started = performance.now();
  const engine = await openEngine(values.model, where, 16, Number(values.capacity));
  const load = performance.now() - started;
  try {
    const { layers, hiddenSize, vocabularySize } = engine.shape;
    const prompt = Array.from({ length: 32 }, (_, i) => (37 * (i + 1)) % Math.min(vocabularySize, 30_000));
    for (const warning of engine.warnings) say(`  ${warning}`);
    const { rows } = await benchEngine(
      engine,
      prompt,
      edits(layers, hiddenSize),
      Number(values.rounds),
      Number(values.tokens),
    );
    return { rows: rows.map((row) => ({ ...row, section })), load };
  } finally {
    await engine.close();
  }
}

const report: {
  machine: object;
  devices: Record<string, { missing: string | null; checks: Check[]; loadMs?: number; bench?: string }>;
  rows: Row[];
} = {
  machine: {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    node: process.version,
    onnxruntime: ortVersion,
    library: process.env[libraryVariable] ?? 'onnxruntime-node',
  },
  devices: {},
  rows: [],
};
const noRatios: Ratio[] = [];
let failed = false;

for (const device of deviceNames.filter((name) => asked.includes(name))) {
  const missing = await obstacle(device);
  const entry = { missing, checks: [] as Check[] };
  report.devices[device] = entry;
  if (missing) {
    say(`${device}: not usable here: ${missing}\n  it needs ${help[device]}`);
    continue;
  }
  say(`${device}: found`);
  entry.checks.push(
    ...(await checkFamilies(settingsOf(device))),
    ...(await checkDeviceGraphs(settingsOf(device, true))),
    await checkFit(settingsOf(device)),
  );
  for (const { name, holds, detail } of entry.checks)
    say(`  ${holds ? 'holds' : 'FAILS'}  ${name}: ${detail}`);
  failed ||= entry.checks.some(({ holds }) => !holds);
  if (values['no-bench']) continue;
  try {
    const { rows, load } = await benchmark(settingsOf(device));
    report.rows.push(...rows);
    Object.assign(entry, { loadMs: Math.round(load) });
    report.rows.push(...(await benchmark(settingsOf(device, true))).rows);
  } catch (error) {
    failed = true;
    Object.assign(entry, { bench: (error as Error).message });
    say(`  FAILS  the decode benchmark: ${(error as Error).message}`);
  }
}
if (report.rows.length > 0) {
  if (!values['no-cpu']) report.rows.push(...(await benchmark(settingsOf('cpu'))).rows);
  say(`\n${asTable(report.rows, noRatios)}`);
}
await writeFile(values.json, `${JSON.stringify(report, null, 2)}\n`);
say(`figures as JSON: ${values.json}`);
process.exitCode = failed ? 1 : 0;
