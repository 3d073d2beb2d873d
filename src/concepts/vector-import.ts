/**
 * Makes a concept of vectors from elsewhere: safetensors, GGUF control vectors, NumPy's files, JSON. At strength 1 the concept adds
 * what the file adds at its own scale 1: a row that is a unit vector is kept bit for bit with coefficient 1, any other
 * is normalised, with its length as the coefficient (their product is the row within float32 rounding).
 */

import { GgufError } from '../checkpoint/gguf.js';
import { NumpyError } from '../checkpoint/numpy.js';
import { decodeSafetensors } from '../checkpoint/safetensors.js';
import { SafetensorsError } from '../checkpoint/safetensors-layout.js';
import { errors } from '../errors.js';
import type { ConceptVectorsInput, VectorFormat } from '../schemas/concept-vectors.js';
import { type Concept, type ConceptRecord, createConcept, unitTolerance } from './concept.js';
import { ConceptFileError, decodeConcept } from './concept-file.js';
import { type Directions, decodeControlVector } from './control-vector.js';
import { foreignVectors, numpyArrays } from './foreign-vectors.js';
import { type Readings, readingsOf } from './readings.js';
import type { SaeChoice } from './sae-direction.js';
import { saidProjection } from './vector-metadata.js';

/** The calibration method of vectors whose strength nobody measured on this export. */
const notMeasured = 'imported';

/** The concept to make, and the loaded model it must fit. */
export interface ImportTarget {
  readonly name: string;
  readonly model: string;
  readonly modelFingerprint: string;
  /** `model_type` of its configuration; null when it has none. */
  readonly modelType: string | null;
  readonly layers: number;
  readonly hiddenSize: number;
  /** Take vectors made for another model or export, as long as their width and depth fit. */
  readonly force: boolean;
  /** Which feature of an autoencoder's file, at which layer, how large; layer and scale also of one vector alone. */
  readonly sae?: SaeChoice;
}

/** What a file says; the target's defaults stand for what it leaves open. */
interface Parts {
  readonly directions: Directions;
  /** [L] factors on the directions; 1 without. */
  readonly coefficients?: Float32Array | undefined;
  readonly residualNorms?: Float32Array | undefined;
  readonly calibration?:
    | {
        readonly method: string;
        readonly negative_ratio: number;
        readonly details: Readonly<Record<string, unknown>>;
      }
    | undefined;
  readonly record?: ConceptRecord | undefined;
  /** For the record of a file that brings none: what a user should know of it. */
  readonly warnings?: readonly string[];
  /** The same: what else is known of where the directions come from. */
  readonly details?: Readonly<Record<string, unknown>>;
  readonly readings?: Readings | null;
}

/**
 * @param file the bytes of a binary format, or the JSON value
 * @throws SteerdError vectors_invalid (not the format, NaN, wrong width, ...), vectors_mismatch (another model)
 */
export function importVectors(
  file: Uint8Array | ConceptVectorsInput,
  format: VectorFormat,
  target: ImportTarget,
): Concept {
  try {
    if (
      Object.values(target.sae ?? {}).some((value) => value !== undefined) &&
      (format === 'json' || format === 'gguf')
    )
      throw errors.vectorsInvalid(format, 'feature, layer and scale are for safetensors, npz and npy');
    if (!(file instanceof Uint8Array)) return fromJson(file, target);
    if (format === 'npz' || format === 'npy') return fromNumpy(file, format, target);
    return format === 'gguf' ? fromGguf(file, target) : fromSafetensors(file, target);
  } catch (error) {
    const bad =
      error instanceof GgufError ||
      error instanceof SafetensorsError ||
      error instanceof NumpyError ||
      error instanceof ConceptFileError;
    throw bad ? errors.vectorsInvalid(format, error.message) : error;
  }
}

function fromGguf(bytes: Uint8Array, target: ImportTarget): Concept {
  const { directions, modelHint, projection } = decodeControlVector(bytes);
  refuseProjection(projection, 'gguf');
  const warnings: string[] = [];
  // A hint is a word ("qwen", "unknown"), not the model's identity: width and depth say what fits.
  if (modelHint !== null && target.modelType !== null && hintsAtAnother(modelHint, target.modelType)) {
    warnings.push(
      `The file says that it is for models of type ${JSON.stringify(modelHint.slice(0, 80))}, and this is a ${target.modelType}: it fits in width and depth, which does not make it mean the same here.`,
    );
  }
  if (directions.get(0)?.some((value) => value !== 0)) {
    warnings.push(
      'The file has a direction for block 0 (direction.0), and it is kept: strength 1 adds it at the output of the first block, as EasySteer does. llama.cpp refuses such files; name the layers in a request to leave it out.',
    );
  }
  return assemble({ directions, warnings }, 'gguf', target);
}

/** Spellings differ ("gpt-neox", "gpt_neox"), and EasySteer writes "unknown" where nobody told it. */
function hintsAtAnother(hint: string, modelType: string): boolean {
  const letters = (name: string) => name.toLowerCase().replace(/[^a-z0-9]/g, '');
  return !['', 'unknown', letters(modelType)].includes(letters(hint));
}

function refuseProjection(said: string | null, format: VectorFormat): void {
  if (said === null) return;
  throw errors.vectorsInvalid(
    format,
    `the file says ${said}: its directions are to be projected out of the stream, and a concept's are added at strength 1; send them as vectors of a request with operation "ablate" instead`,
  );
}

function fromSafetensors(bytes: Uint8Array, target: ImportTarget): Concept {
  const { tensors, metadata } = decodeSafetensors(bytes);
  if (metadata.steerd === undefined) {
    refuseProjection(saidProjection(Object.entries(metadata)), 'safetensors');
    return assemble(foreignVectors(tensors, 'safetensors', target), 'safetensors', target);
  }
  const concept = decodeConcept(bytes);
  checkFingerprint(concept.modelFingerprint, target);
  if (concept.layers !== target.layers || concept.hiddenSize !== target.hiddenSize) {
    throw errors.vectorsMismatch(
      target.model,
      `it has ${concept.layers} layers of width ${concept.hiddenSize}, the model ${target.layers} of width ${target.hiddenSize}`,
    );
  }
  const { name, model, modelFingerprint } = target;
  const moved = { ...concept, name, model, modelFingerprint };
  if (concept.modelFingerprint === modelFingerprint) return createConcept(moved);
  // What another export reads on these directions, and how it answers under them, is not what this one does.
  const calibration = { ...concept.calibration, method: notMeasured, details: {} };
  return createConcept({ ...moved, calibration, readings: null });
}

function fromNumpy(bytes: Uint8Array, format: 'npz' | 'npy', target: ImportTarget): Concept {
  return assemble(foreignVectors(numpyArrays(bytes, format), format, target), format, target);
}

function fromJson(file: ConceptVectorsInput, target: ImportTarget): Concept {
  refuseProjection(saidProjection(Object.entries(file)), 'json');
  if (file.model_fingerprint !== undefined) checkFingerprint(file.model_fingerprint, target);
  const directions = new Map<number, Float32Array>();
  for (const [key, values] of Object.entries(file.vectors)) {
    if (!/^(0|[1-9]\d{0,4})$/.test(key))
      throw errors.invalidValue('vectors', 'an object by block number', key);
    directions.set(
      Number(key),
      typeof values === 'string' ? fromBase64(values, key) : Float32Array.from(values),
    );
  }
  const { calibration, model_fingerprint: fingerprint } = file;
  // As of safetensors of another export.
  const forced = fingerprint !== undefined && fingerprint !== target.modelFingerprint;
  const floats = (values: readonly number[] | undefined) => values && Float32Array.from(values);
  return assemble(
    {
      directions,
      coefficients: floats(file.coefficients),
      residualNorms: floats(file.residual_norms),
      calibration: calibration && forced ? { ...calibration, method: notMeasured, details: {} } : calibration,
      record: file.record,
      readings: file.readings && fingerprint === target.modelFingerprint ? readingsOf(file.readings) : null,
    },
    'json',
    target,
  );
}

function fromBase64(text: string, key: string): Float32Array {
  const bytes = Buffer.from(text, 'base64');
  // Node skips what is no base64: writing it again shows whether anything was skipped.
  const whole = bytes.toString('base64').replace(/=+$/, '') === text.replace(/=+$/, '');
  if (!whole || bytes.length % 4 !== 0) {
    throw errors.invalidValue(
      `vectors.${key}`,
      'the base64 of little-endian float32 numbers',
      text.slice(0, 60),
    );
  }
  return new Float32Array(new Uint8Array(bytes).buffer);
}

function assemble(parts: Parts, format: VectorFormat, target: ImportTarget): Concept {
  const { layers, hiddenSize } = target;
  const vectors = new Float32Array(layers * hiddenSize);
  const coefficients = new Float32Array(layers);
  checkLength('coefficients', parts.coefficients, layers, format);
  checkLength('residual_norms', parts.residualNorms, layers, format);
  for (const [layer, direction] of parts.directions) {
    if (layer >= layers) {
      throw errors.vectorsMismatch(
        target.model,
        `it has a vector for block ${layer}, and the model's are 0 to ${layers - 1}`,
      );
    }
    if (direction.length !== hiddenSize) {
      throw errors.vectorsMismatch(
        target.model,
        `the vector of block ${layer} has ${direction.length} numbers, and the model's width is ${hiddenSize}`,
      );
    }
    const bad = direction.findIndex((value) => !Number.isFinite(value));
    if (bad >= 0) {
      throw errors.vectorsInvalid(format, `number ${bad} of block ${layer}'s vector is ${direction[bad]}`);
    }
    const norm = Math.sqrt(direction.reduce((sum, value) => sum + value * value, 0));
    if (norm === 0) continue;
    const unit = Math.abs(norm - 1) <= unitTolerance;
    vectors.set(unit ? direction : direction.map((value) => value / norm), layer * hiddenSize);
    coefficients[layer] = (parts.coefficients?.[layer] ?? 1) * (unit ? 1 : norm);
  }
  if (vectors.every((value) => value === 0))
    throw errors.vectorsInvalid(format, 'it has no vector that is not zero');
  return createConcept({
    name: target.name,
    model: target.model,
    modelFingerprint: target.modelFingerprint,
    layers,
    hiddenSize,
    vectors,
    residualNorms: parts.residualNorms ?? new Float32Array(layers),
    calibration: {
      method: parts.calibration?.method ?? notMeasured,
      negativeRatio: parts.calibration?.negative_ratio ?? 1,
      details: parts.calibration?.details ?? {},
      coefficients,
    },
    record: parts.record ?? {
      recipe: 'import',
      method: parts.details?.sae === undefined ? format : 'sae',
      prefix: '',
      seed: 0,
      details: { ...parts.details, ...(parts.warnings?.length && { warnings: parts.warnings }) },
    },
    readings: parts.readings ?? null,
  });
}

function checkLength(
  field: string,
  values: Float32Array | undefined,
  layers: number,
  format: VectorFormat,
): void {
  if (values !== undefined && values.length !== layers) {
    throw errors.vectorsInvalid(format, `${field} has ${values.length} numbers for ${layers} blocks`);
  }
}

function checkFingerprint(fingerprint: string, target: ImportTarget): void {
  if (fingerprint === target.modelFingerprint) return;
  refuseUnlessForced(
    target,
    `it was made for another export (${fingerprint.slice(0, 12)}) than the one loaded (${target.modelFingerprint.slice(0, 12)})`,
  );
}

function refuseUnlessForced(target: ImportTarget, reason: string): void {
  if (!target.force)
    throw errors.vectorsMismatch(target.model, `${reason}; force=true takes it all the same`);
}
