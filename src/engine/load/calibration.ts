/** Reads how large the activations of each channel become, off one run of a graft that gives them out. */
import type { ProductGroup } from '../../onnx/find/column-products.js';
import { RunOptions } from '../../ort/binding.js';
import type { Session } from '../../ort/session.js';
import { ownArray, Tensor } from '../../ort/tensor.js';
import type { ModelSpec } from '../model-spec.js';
import { GraphRunner } from '../run/graph-runner.js';
import { SteeringInputs } from '../run/steering-tensors.js';
import { syntheticKv } from './trial-inputs.js';

/** One token in so many tells the head's peaks. Another number gives other peaks, and so other weights. */
const headStride = 4;

/** Tokens that are read at most. */
export const calibrationLength = 256;

/** A fixed spread of tokens, for a model whose text is not at hand: large channels are much the same for any text. */
export function spreadTokens(vocabularySize: number): number[] {
  let state = 1;
  return Array.from({ length: calibrationLength }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state % vocabularySize;
  });
}

/**
 * @param session of the graft that gives peaks out
 * @param outputs names of the groups' peaks, by the groups' names
 * @returns of each group, the largest absolute activation of each channel
 * @throws OrtError
 */
export function readPeaks(
  session: Session,
  spec: ModelSpec,
  groups: readonly ProductGroup[],
  outputs: ReadonlyMap<string, string>,
  text: readonly number[],
): Map<string, Float32Array> {
  const tokens = text.slice(0, Math.min(calibrationLength, spec.contextLength));
  const count = tokens.length;
  const options = new RunOptions();
  const runner = new GraphRunner(session, spec, null, options);
  const kv = syntheticKv(spec, 1, 0, count);
  const own = new Set<Tensor>([...Object.values(kv.inputs), ...Object.values(kv.outputs)]);
  const kept = <T extends Tensor>(tensor: T): T => {
    own.add(tensor);
    return tensor;
  };
  try {
    const peaks = groups.map(({ name, k }) => {
      const data = ownArray(Float32Array, k);
      return { name, data, output: outputs.get(name) ?? '', tensor: kept(Tensor.over(data, 'float32', [k])) };
    });
    const { layers, hiddenSize } = spec;
    const asked = Math.ceil(count / headStride);
    const steering = new SteeringInputs(layers.length, hiddenSize, 0).fill(
      [{ edit: [], position: 0 }],
      count,
    );
    for (const tensor of Object.values(steering)) kept(tensor);
    const positions = ownArray(BigInt64Array, asked);
    for (let i = 0; i < asked; i++) positions[i] = BigInt(i * headStride);
    runner.run({ first: 0, rows: 1 }, [tokens], [0], {
      inputs: {
        ...kv.inputs,
        steering_vectors: steering.vectors,
        steering_add: steering.add,
        steering_scale: steering.scale,
        logit_positions: kept(Tensor.over(positions, 'int64', [1, asked])),
      },
      outputs: {
        ...kv.outputs,
        ...Object.fromEntries(peaks.map(({ output, tensor }) => [output, tensor])),
      },
    });
    return new Map(peaks.map(({ name, data }) => [name, data]));
  } finally {
    runner.release();
    options.release();
    for (const tensor of own) tensor.release();
  }
}
