/**
 * The linear algebra of a fit on random features, without a model: seconds per method for all layers of a
 * small model side by side, and for one layer of a wide one.
 */
import { Random } from '../../src/common/random.js';
import type { LayerTask } from '../../src/fitting/fit-layer.js';
import { fitLayers } from '../../src/fitting/fit-layers.js';
import type { LayerFeatures } from '../../src/fitting/methods/labelled-rows.js';
import { type MethodName, methodNames } from '../../src/schemas/fit-choices.js';
import { median } from './measure.js';
import type { Ratio, Row } from './report.js';

const n = 400;
/** What issue 4 allows, on two cores. */
const sizes = [
  { name: '29 layers, H = 576', layers: 29, hiddenSize: 576, most: 30 },
  { name: '1 layer, H = 4096', layers: 1, hiddenSize: 4096, most: 5 },
] as const;

export async function benchLinearAlgebra(
  rounds: number,
  methods: readonly MethodName[] = methodNames,
): Promise<{ rows: Row[]; ratios: Ratio[] }> {
  const rows: Row[] = [];
  const ratios: Ratio[] = [];
  for (const { name, layers, hiddenSize, most } of sizes) {
    const features = Array.from({ length: layers }, (_, layer) => randomFeatures(hiddenSize, layer));
    for (const method of methods) {
      const walls: number[] = [];
      const perLayer: number[] = [];
      const processor: number[] = [];
      for (let round = 0; round < rounds; round++) {
        const tasks = features.map((of, layer): LayerTask => ({ layer, method, features: of }));
        const started = performance.now();
        const before = process.cpuUsage();
        const fits = await fitLayers(tasks, new AbortController().signal);
        walls.push((performance.now() - started) / 1000);
        const { user, system } = process.cpuUsage(before);
        processor.push((user + system) / 1e6);
        perLayer.push(median(fits.map(({ seconds }) => seconds)));
      }
      rows.push({
        section: 'linear algebra',
        case: `${method}, ${n} examples, ${name}`,
        streams: 0,
        // Processor seconds, of all threads, mean something on a busy machine too.
        figures: {
          seconds: median(walls),
          'seconds/layer': median(perLayer),
          'processor seconds': median(processor),
        },
      });
      if (method === 'rfm')
        ratios.push({ what: `seconds of rfm, ${name}`, value: median(walls), kind: 'at most', bound: most });
    }
  }
  return { rows, ratios };
}

/** Noise around a common base, soft labels that follow one direction of it. */
function randomFeatures(hiddenSize: number, seed: number): LayerFeatures {
  const random = new Random(seed);
  const uniform = () => random.bits() / 2 ** 31 - 1;
  const base = Float64Array.from({ length: hiddenSize }, () => 2 * uniform());
  const direction = Float64Array.from({ length: hiddenSize }, uniform);
  const rows = new Float32Array(n * hiddenSize);
  const labels = Float32Array.from({ length: n }, (_, i) => 1 - (i % 2));
  const softLabels = labels.map((label) => label * (0.2 + 0.2 * uniform()));
  for (let i = 0; i < n; i++) {
    for (let h = 0; h < hiddenSize; h++)
      rows[i * hiddenSize + h] =
        (base[h] as number) + uniform() + 2 * (softLabels[i] as number) * (direction[h] as number);
  }
  return { rows, n, hiddenSize, labels, softLabels };
}
