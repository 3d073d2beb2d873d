/** What must hold on a device: the same tokens, scores, activations and directions as on the CPU. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WorkerEngine } from '../../src/engine/client/worker-engine.js';
import { greedy, type SequenceRequest } from '../../src/engine/protocol.js';
import { notReplayed } from '../../src/engine/run/decode-graphs.js';
import type { DeviceSettings } from '../../src/engine/worker-settings.js';
import { fitConcept } from '../../src/fitting/fit-concept.js';
import { loadModel } from '../../src/models/serve/load.js';
import { writeTinyChatModel } from '../commands/tiny-chat-model.js';
import { type Family, families, type Goldens, goldensOf } from '../helpers/families.js';
import { largestDifference } from '../helpers/run-graph.js';

export interface Check {
  readonly name: string;
  readonly holds: boolean;
  readonly detail: string;
}

/** Half-precision attention and other kernels: how much further from PyTorch a device may be than the CPU. */
const slack = 100;

export async function checkFamilies(where: DeviceSettings): Promise<Check[]> {
  const checks: Check[] = [];
  for (const family of families) {
    checks.push(
      await attempt(`${family.name} (${family.structure})`, async () => {
        const engine = await openEngine(goldensOf(family).directory, where, 3, 64);
        try {
          return await checkFamily(family, goldensOf(family), engine);
        } finally {
          await engine.close();
        }
      }),
    );
  }
  return checks;
}

/** What steerd itself refuses on one device. */
const knownRefusal = /WebGPU's device graphs cannot compute attention with a sliding window/;

/** Decode steps recorded and replayed: the same tokens, and nothing that made the engine give them up. */
export async function checkDeviceGraphs(where: DeviceSettings): Promise<Check[]> {
  const checks: Check[] = [];
  for (const family of families.filter(({ layout }) => layout === 'in place')) {
    checks.push(
      await attempt(`${family.name} as device graphs`, async () => {
        const golden = goldensOf(family);
        const engine = await openEngine(golden.directory, where, 3, 64);
        try {
          const same = await continuations(golden, engine);
          const givenUp = engine.warnings.some(
            (warning) => warning.startsWith(notReplayed('')) && !knownRefusal.test(warning),
          );
          const said = `${same.filter(Boolean).length} of 4 continuations are PyTorch's`;
          return [same.every(Boolean) && !givenUp, [said, ...engine.warnings].join('; ')];
        } finally {
          await engine.close();
        }
      }),
    );
  }
  return checks;
}

export function openEngine(
  directory: string,
  where: DeviceSettings,
  slots: number,
  capacity: number,
): Promise<WorkerEngine> {
  const settings = { directory, where, slots, capacity, threads: 0, prefillChunk: 64, queue: 64 };
  return WorkerEngine.start({ model: directory, ...settings });
}

/** Of both prompts, unsteered and steered, all at once: whether the answer is PyTorch's. */
function continuations(golden: Goldens, engine: WorkerEngine): Promise<boolean[]> {
  return Promise.all(
    [0, 1].flatMap((row) =>
      [
        { edit: [], tensor: `greedy.${row}` },
        { edit: golden.edit(row), tensor: `steered_greedy.${row}` },
      ].map(async ({ edit, tensor }) => {
        const expected = golden.ids(tensor);
        const request = { prompt: golden.ids(`input_ids.${row}`), edit, maxTokens: expected.length };
        const written = await write(engine, { ...plain, ...request });
        return written.every((token, i) => token === expected[i]);
      }),
    ),
  );
}

async function checkFamily(
  family: Family,
  golden: Goldens,
  engine: WorkerEngine,
): Promise<[boolean, string]> {
  const same = await continuations(golden, engine);
  const tokens = golden.ids('input_ids.0');
  const positions = [3, 2, 1].map((back) => tokens.length - back);
  const { attentionToPrefix } = await engine.capture({ tokens, positions, span: [2, 5] });
  const apart = largestDifference(attentionToPrefix, golden.floats('attention_to_prefix.0'));
  const tolerance = Math.min(0.02, slack * family.tolerance);
  const holds = same.every(Boolean) && apart < tolerance;
  const said = `${same.filter(Boolean).length} of 4 continuations are PyTorch's, attention differs by ${apart.toExponential(1)}`;
  return [holds, [said, ...engine.warnings].join('; ')];
}

const plain = {
  stopTokens: [],
  minTokens: 0,
  sampling: greedy,
  priority: 'interactive',
} as const;

async function write(engine: WorkerEngine, request: SequenceRequest): Promise<number[]> {
  const tokens: number[] = [];
  for await (const { token } of engine.generate(request)) if (token !== null) tokens.push(token);
  return tokens;
}

/** One fit there and one on the CPU. */
export function checkFit(where: DeviceSettings): Promise<Check> {
  return attempt('a fit: attention recipe, mean_difference', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'steerd-gpu-check-'));
    try {
      await writeTinyChatModel(folder);
      const [there, here] = await Promise.all([fitOn(folder, where.device), fitOn(folder, 'cpu')]);
      const apart = largestDifference(there, here);
      return [apart < 0.02, `its vectors differ from the CPU's by ${apart.toExponential(1)}`];
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
}

/** The vectors of a small concept, [L * H]. */
export async function fitOn(folder: string, device: DeviceSettings['device']): Promise<Float32Array> {
  const settings = { threads: 1, slots: 2, context: 256, prefillChunk: 64, queue: 8, device };
  const model = await loadModel('tiny', folder, settings);
  const few = (start: string) => ['sea', 'sky', 'sun', 'sand'].map((word) => `${start} ${word}`);
  try {
    const { vectors } = await fitConcept(
      {
        name: 'sea',
        prefix: 'You love the sea.',
        recipe: 'attention',
        method: 'mean_difference',
        labels: 'soft',
        statements: { positive: few('the'), negative: few('no') },
        calibrate: false,
        maxTokens: 4,
        seed: 1,
      },
      model,
      new AbortController().signal,
    );
    return vectors;
  } finally {
    await model.engine.close();
  }
}

async function attempt(name: string, check: () => Promise<[boolean, string]>): Promise<Check> {
  try {
    const [holds, detail] = await check();
    return { name, holds, detail };
  } catch (error) {
    return { name, holds: false, detail: (error as Error).message };
  }
}
