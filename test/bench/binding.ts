/**
 * The JavaScript binding beside the C API, on the untouched export: one decode step over a KV cache that stays
 * in place (C API) or comes back as copies (binding). And what the graft itself costs beside the export.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InferenceSession, Tensor as JsTensor } from 'onnxruntime-node';
import { chooseThreads } from '../../src/common/threads.js';
import { HostKvCache } from '../../src/engine/kv/host-kv-cache.js';
import { readModelSpec } from '../../src/engine/model-spec.js';
import { graftForServing } from '../../src/onnx/graft/serving-graft.js';
import { parseModel, serializeModel } from '../../src/onnx/graph/model-file.js';
import { Binding, RunOptions } from '../../src/ort/binding.js';
import { Session } from '../../src/ort/session.js';
import { ownArray, Tensor } from '../../src/ort/tensor.js';
import { inRounds, type Variant } from './measure.js';
import type { Ratio, Row } from './report.js';

const past = 100;
const capacity = 512;
const stepsPerBlock = 10;

export async function benchBinding(
  directory: string,
  rounds: number,
): Promise<{ rows: Row[]; ratios: Ratio[] }> {
  const threads = chooseThreads(0);
  const bytes = await readFile(join(directory, 'model.onnx'));
  const model = parseModel(bytes, directory);
  const spec = await readModelSpec(model, directory);
  const settings = { threads, weightsDirectory: directory, spinning: true };
  const exported = await Session.create(bytes, settings);
  const grafted = await Session.create(serializeModel(graftForServing(model)), settings);
  const binding = await InferenceSession.create(join(directory, 'model.onnx'), {
    executionProviders: ['cpu'],
    intraOpNumThreads: threads,
  });
  const options = new RunOptions();
  const rows: Row[] = [];
  const ratios: Ratio[] = [];

  for (const streams of [1, 8]) {
    const cache = new HostKvCache(spec, streams, capacity);
    const ids = BigInt64Array.from({ length: streams }, (_, row) => BigInt(100 + row));
    const mask = new BigInt64Array(streams * (past + 1)).fill(1n);
    const logits = ownArray(Float32Array, streams * spec.vocabularySize);
    const frame = (session: Session) => {
      const bound = new Binding(session);
      bound.input('input_ids', Tensor.over(ids, 'int64', [streams, 1]));
      bound.input('attention_mask', Tensor.over(mask, 'int64', [streams, past + 1]));
      cache.bind(bound, { first: 0, rows: streams });
      bound.output('logits', Tensor.over(logits, 'float32', [streams, 1, spec.vocabularySize]));
      return bound;
    };
    const steered = (concepts: number) => {
      const bound = frame(grafted);
      const floats = (shape: number[]) =>
        Tensor.over(
          ownArray(
            Float32Array,
            shape.reduce((product, size) => product * size, 1),
          ).fill(0.01),
          'float32',
          shape,
        );
      const layers = spec.layers.length;
      bound.input('steering_vectors', floats([layers, streams, concepts, spec.hiddenSize]));
      bound.input('steering_add', floats([layers, streams, 1, concepts]));
      bound.input('steering_scale', floats([layers, streams, 1, concepts]));
      bound.input('logit_positions', Tensor.over(new BigInt64Array(streams), 'int64', [streams, 1]));
      return bound;
    };
    const tokensPerSecond = async (step: () => unknown) => {
      const started = performance.now();
      for (let i = 0; i < stepsPerBlock; i++) await step();
      return (streams * stepsPerBlock * 1000) / (performance.now() - started);
    };
    const variant = (name: string, bound: Binding): Variant => ({
      name,
      run: () => tokensPerSecond(() => bound.run(options)),
    });
    const feeds: Record<string, JsTensor> = {
      input_ids: new JsTensor('int64', ids, [streams, 1]),
      attention_mask: new JsTensor('int64', mask, [streams, past + 1]),
    };
    const fetches: Record<string, JsTensor> = {
      logits: new JsTensor('float32', logits, [streams, 1, spec.vocabularySize]),
    };
    const shape = [streams, spec.kvHeads, capacity, spec.headSize];
    for (const names of spec.layers)
      for (const [pastName, presentName] of [
        [names.pastKey, names.presentKey],
        [names.pastValue, names.presentValue],
      ] as const) {
        const memory = new Float32Array(shape.reduce((size, dimension) => size * dimension));
        feeds[pastName] = fetches[presentName] = new JsTensor('float32', memory, shape);
      }
    const reached = await inRounds(
      [
        variant('C API, export', frame(exported)),
        variant('C API, graft unsteered', steered(0)),
        variant('C API, graft, one concept a row', steered(1)),
        { name: 'JavaScript binding, export', run: () => tokensPerSecond(() => binding.run(feeds, fetches)) },
      ],
      rounds,
    );
    for (const name of reached.reached.keys())
      rows.push({
        section: 'one decode step',
        case: name,
        streams,
        figures: { 'tokens/s': reached.median(name) },
      });
    if (streams === 8)
      ratios.push({
        what: 'C API / JavaScript binding, 8 streams',
        value: reached.ratio('C API, export', 'JavaScript binding, export'),
        kind: 'at least',
        bound: 2,
      });
  }
  await binding.release();
  exported.release();
  grafted.release();
  return { rows, ratios };
}
