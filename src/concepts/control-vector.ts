/**
 * GGUF control vectors: tensor `direction.N`, F32 [H], is added at the output of block N, counted from 0, and its length
 * is its strength. So it is with all who write such files, whatever else differs:
 * - llama.cpp (`common_control_vector_load`) refuses N = 0, other types than F32 and other ranks than 1.
 * - repeng (`ControlVector.export_gguf`) names by N what it read from `hidden_states[N + 1]`, which is block N's output,
 *   for N from 1.
 * - EasySteer (`StatisticalControlVector.export_gguf`) numbers decoder layers from 0 and writes every one of them, 0 too,
 *   with a hint of the model such as "qwen", "qwen2.5" or "unknown".
 * Read is what any of them writes; written is what all of them read.
 */

import { decodeGguf, GgufError } from '../checkpoint/gguf.js';
import { encodeGguf } from '../checkpoint/gguf-writer.js';
import type { Concept } from './concept.js';
import { saidProjection } from './vector-metadata.js';

const architecture = 'controlvector';
const hintKey = 'controlvector.model_hint';

/** Directions of any length by block; blocks without one are left out. */
export type Directions = ReadonlyMap<number, Float32Array>;

interface ControlVector {
  /** What the file says it is for: a model type such as "llama"; null when it says nothing. */
  readonly modelHint: string | null;
  readonly directions: Directions;
  /** `key = "value"` of what says that the directions are to be projected out, not added; null when nothing does. */
  readonly projection: string | null;
}

/** What strength 1 of the concept adds at each block: coefficient times unit vector. */
export function directionsOf(concept: Concept): Directions {
  const { layers, hiddenSize, vectors, calibration } = concept;
  const directions = new Map<number, Float32Array>();
  for (let layer = 0; layer < layers; layer++) {
    const coefficient = calibration.coefficients[layer] ?? 0;
    const row = vectors.subarray(layer * hiddenSize, (layer + 1) * hiddenSize);
    if (coefficient === 0 || row.every((value) => value === 0)) continue;
    directions.set(
      layer,
      Float32Array.from(row, (value) => coefficient * value),
    );
  }
  return directions;
}

/**
 * @param modelHint the model's `model_type`: repeng wants it
 * @throws GgufError `tensor` when the concept steers block 0 or nothing, which the format cannot say
 */
export function encodeControlVector(concept: Concept, modelHint: string): Uint8Array<ArrayBuffer> {
  const directions = directionsOf(concept);
  if (directions.has(0)) throw new GgufError('tensor', 'a GGUF control vector cannot steer block 0');
  if (directions.size === 0) throw new GgufError('tensor', 'the concept steers no block at strength 1');
  return encodeGguf(
    {
      'general.architecture': architecture,
      'general.name': concept.name,
      [hintKey]: modelHint,
      'controlvector.layer_count': directions.size,
      'steerd.version': concept.version,
    },
    new Map([...directions].map(([layer, direction]) => [`direction.${layer}`, direction])),
  );
}

/** @throws GgufError */
export function decodeControlVector(bytes: Uint8Array): ControlVector {
  const { metadata, tensors } = decodeGguf(bytes);
  const kind = metadata.get('general.architecture');
  if (kind !== architecture) {
    throw new GgufError(
      'metadata',
      `no control vector: general.architecture is ${JSON.stringify(kind ?? null)}, not "${architecture}"`,
    );
  }
  const directions = new Map<number, Float32Array>();
  for (const tensor of tensors) {
    const layer = /^direction\.(0|[1-9]\d{0,4})$/.exec(tensor.name)?.[1];
    if (layer === undefined) {
      throw new GgufError(
        'tensor',
        `tensor ${JSON.stringify(tensor.name.slice(0, 80))} is not direction.<block>`,
      );
    }
    if (directions.has(Number(layer))) throw new GgufError('tensor', `tensor ${tensor.name} stands twice`);
    if (tensor.shape.filter((size) => size !== 1).length > 1) {
      throw new GgufError(
        'tensor',
        `tensor ${tensor.name} is [${tensor.shape.join(', ')}]; it must be one vector: [H], [H, 1] or [1, H]`,
      );
    }
    directions.set(Number(layer), tensor.toFloat32());
  }
  const hint = metadata.get(hintKey);
  return {
    modelHint: typeof hint === 'string' ? hint : null,
    directions,
    projection: saidProjection(metadata),
  };
}
