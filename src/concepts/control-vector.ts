/**
 * GGUF control vectors, as llama.cpp (`common_control_vector_load`) and repeng (`ControlVector.export_gguf`) read and
 * write them: tensor `direction.N`, F32 [H], is added at the output of block N (from 0), and its length is its
 * strength. N = 0 does not exist there.
 */
import type { Concept } from './concept.js';
import { decodeGguf, encodeGguf, GgufError } from './gguf.js';

const architecture = 'controlvector';
const hintKey = 'controlvector.model_hint';

/** Directions of any length by block; blocks without one are left out. */
export type Directions = ReadonlyMap<number, Float32Array>;

interface ControlVector {
  /** What the file says it is for: a model type such as "llama"; null when it says nothing. */
  readonly modelHint: string | null;
  readonly directions: Directions;
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
    if (layer === '0') throw new GgufError('tensor', 'direction.0: control vectors begin at block 1');
    if (directions.has(Number(layer))) throw new GgufError('tensor', `tensor ${tensor.name} stands twice`);
    if (tensor.shape.length !== 1) {
      throw new GgufError(
        'tensor',
        `tensor ${tensor.name} has ${tensor.shape.length} dimensions; it must have 1`,
      );
    }
    directions.set(Number(layer), tensor.toFloat32());
  }
  const hint = metadata.get(hintKey);
  return { modelHint: typeof hint === 'string' ? hint : null, directions };
}
