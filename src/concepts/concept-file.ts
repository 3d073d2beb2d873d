/**
 * A concept as a safetensors file: tensors `vectors` F32 [L, H], `residual_norms` F32 [L], `calibration` F32 [L], and
 * under the metadata key `steerd` the canonical JSON of its document with the version. The version is computed again
 * at load, so a file whose content changed is refused. The same concept gives the same bytes.
 */

import { decodeTensors, encodeSafetensors, type SafeTensor } from '../checkpoint/safetensors.js';
import { decodeSafetensorsHeader, SafetensorsError } from '../checkpoint/safetensors-layout.js';
import { canonicalJson, isPlainObject, JsonError, parseStrictJson } from '../common/canonical-json.js';
import { conceptLimits } from '../common/concept-limits.js';
import { SteerdError } from '../errors.js';
import { ConceptReadings } from '../schemas/readings.js';
import { type Concept, conceptDocument, conceptVersion, createConcept } from './concept.js';
import { type Readings, readingsOf } from './readings.js';

/** No concept within `conceptLimits` has a larger file: larger ones need not be read. */
export const maximumConceptBytes = 4 * conceptLimits.elements + 16 * conceptLimits.json;

const formatVersion = 1;

export type ConceptFileReason =
  | 'too_large'
  | 'truncated'
  | 'not_safetensors'
  | 'not_a_concept'
  | 'format_unknown'
  | 'tensor_missing'
  | 'tensor_unexpected'
  | 'invalid'
  | 'tampered';

/** A file that holds no valid concept. */
export class ConceptFileError extends Error {
  override readonly name = 'ConceptFileError';
  constructor(
    readonly reason: ConceptFileReason,
    message: string,
    /** What the file calls its concept, where that much can be read. */
    readonly conceptName: string | null = null,
  ) {
    super(message);
  }
}

/** @throws ConceptFileError `invalid` when the version is not that of the content. */
export function encodeConcept(concept: Concept): Uint8Array<ArrayBuffer> {
  if (concept.version !== conceptVersion(concept)) {
    throw new ConceptFileError('invalid', 'the version is not that of the content', concept.name);
  }
  const document = { ...conceptDocument(concept), version: concept.version };
  const { layers, hiddenSize } = concept;
  return encodeSafetensors(
    {
      vectors: { dtype: 'F32', shape: [layers, hiddenSize], data: concept.vectors },
      residual_norms: { dtype: 'F32', shape: [layers], data: concept.residualNorms },
      calibration: { dtype: 'F32', shape: [layers], data: concept.calibration.coefficients },
    },
    { steerd: canonicalJson(document) },
  );
}

/** @throws ConceptFileError */
export function decodeConcept(bytes: Uint8Array): Concept {
  let name: string | null = null;
  try {
    if (bytes.length > maximumConceptBytes) throw tooLarge(bytes.length);
    const header = decodeSafetensorsHeader(bytes);
    const document = parseDocument(header.metadata.steerd);
    name = typeof document.name === 'string' ? document.name : null;
    return readConcept(document, decodeTensors(bytes, header));
  } catch (error) {
    throw named(error, name);
  }
}

/** What a concept is made of where its numbers are kept apart from its document. */
export interface ConceptParts {
  /** As in a file's header, with the version. */
  readonly document: string;
  /** float32, little-endian. */
  readonly vectors: Uint8Array;
  readonly residual_norms: Uint8Array;
  readonly coefficients: Uint8Array;
}

export function partsOfConcept(concept: Concept): ConceptParts {
  const bytes = ({ buffer, byteOffset, byteLength }: Float32Array) =>
    new Uint8Array(buffer, byteOffset, byteLength);
  return {
    document: canonicalJson({ ...conceptDocument(concept), version: concept.version }),
    vectors: bytes(concept.vectors),
    residual_norms: bytes(concept.residualNorms),
    coefficients: bytes(concept.calibration.coefficients),
  };
}

/** Checked as a file is: whatever is not what its version says is refused. @throws ConceptFileError */
export function conceptOfParts(parts: ConceptParts): Concept {
  const document = parseDocument(parts.document);
  const { layers, hidden_size: hiddenSize } = document;
  const { vectors, residual_norms: norms, coefficients } = parts;
  const file = encodeSafetensors(
    {
      vectors: { dtype: 'F32', shape: [Number(layers), Number(hiddenSize)], data: floatsOf(vectors) },
      residual_norms: { dtype: 'F32', shape: [Number(layers)], data: floatsOf(norms) },
      calibration: { dtype: 'F32', shape: [Number(layers)], data: floatsOf(coefficients) },
    },
    { steerd: parts.document },
  );
  return decodeConcept(file);
}

const floatsOf = (bytes: Uint8Array) => new Float32Array(Uint8Array.from(bytes).buffer);

export function tooLarge(bytes: number): ConceptFileError {
  return new ConceptFileError(
    'too_large',
    `the file has ${bytes} bytes; the limit is ${maximumConceptBytes}`,
  );
}

function parseDocument(text: string | undefined): Record<string, unknown> {
  if (text === undefined) throw new ConceptFileError('not_a_concept', 'the metadata has no key "steerd"');
  const document = parseStrictJson(text);
  if (!isPlainObject(document)) {
    throw new ConceptFileError('not_a_concept', 'the metadata key "steerd" holds no JSON object');
  }
  return document;
}

function readConcept(document: Record<string, unknown>, tensors: Map<string, SafeTensor>): Concept {
  const { format, version } = document;
  if (format !== formatVersion) {
    throw new ConceptFileError(
      'format_unknown',
      `format is ${JSON.stringify(format)}; known: ${formatVersion}`,
    );
  }
  const layers = number(document, 'layers');
  const hiddenSize = number(document, 'hidden_size');
  const record = object(document, 'record');
  const calibration = object(document, 'calibration');
  const concept = createConcept({
    name: string(document, 'name'),
    model: string(document, 'model'),
    modelFingerprint: string(document, 'model_fingerprint'),
    layers,
    hiddenSize,
    vectors: floats(tensors, 'vectors', [layers, hiddenSize]),
    residualNorms: floats(tensors, 'residual_norms', [layers]),
    calibration: {
      method: string(calibration, 'method'),
      coefficients: floats(tensors, 'calibration', [layers]),
      negativeRatio: calibration.negative_ratio === undefined ? 1 : number(calibration, 'negative_ratio'),
      details: object(calibration, 'details'),
    },
    record: {
      recipe: string(record, 'recipe'),
      method: string(record, 'method'),
      prefix: string(record, 'prefix'),
      seed: number(record, 'seed'),
      details: object(record, 'details'),
    },
    readings: readingsFrom(document.readings),
  });
  // A tensor that is no part of the concept is not covered by its version.
  for (const tensor of tensors.keys()) {
    if (!['vectors', 'residual_norms', 'calibration'].includes(tensor)) {
      throw new ConceptFileError(
        'tensor_unexpected',
        `tensor ${JSON.stringify(tensor)} is not part of a concept`,
      );
    }
  }
  if (concept.version !== version) {
    throw new ConceptFileError(
      'tampered',
      `tampered: the content's hash is ${concept.version}, the file says ${JSON.stringify(version)}`,
    );
  }
  if (canonicalJson({ ...conceptDocument(concept), version }) !== canonicalJson(document)) {
    throw new ConceptFileError('tampered', 'tampered: the header says more than its hash covers');
  }
  return concept;
}

function readingsFrom(value: unknown): Readings | null {
  if (value === undefined) return null;
  const { success, data } = ConceptReadings.safeParse(value);
  if (success) return readingsOf(data);
  throw new ConceptFileError('not_a_concept', "readings are not a concept's readings");
}

function string(from: Record<string, unknown>, key: string): string {
  const value = from[key];
  if (typeof value === 'string') return value;
  throw new ConceptFileError('not_a_concept', `${key} is not a string`);
}

function number(from: Record<string, unknown>, key: string): number {
  const value = from[key];
  if (typeof value === 'number') return value;
  throw new ConceptFileError('not_a_concept', `${key} is not a number`);
}

function object(from: Record<string, unknown>, key: string): Record<string, unknown> {
  const value = from[key];
  if (isPlainObject(value)) return value;
  throw new ConceptFileError('not_a_concept', `${key} is not an object`);
}

function floats(tensors: Map<string, SafeTensor>, name: string, shape: readonly number[]): Float32Array {
  const tensor = tensors.get(name);
  if (tensor === undefined) throw new ConceptFileError('tensor_missing', `tensor ${name} is missing`);
  if (tensor.dtype !== 'F32' || tensor.shape.join() !== shape.join()) {
    throw new ConceptFileError(
      'invalid',
      `tensor ${name} must be F32 [${shape}]; it is ${tensor.dtype} [${tensor.shape.slice(0, 8)}]`,
    );
  }
  return tensor.toFloat32();
}

/** Any error of reading a file as a ConceptFileError, with the concept's name where it is known. */
function named(error: unknown, name: string | null): unknown {
  if (error instanceof ConceptFileError) return new ConceptFileError(error.reason, error.message, name);
  if (error instanceof SafetensorsError) {
    const reason = error.reason === 'truncated' ? 'truncated' : 'not_safetensors';
    return new ConceptFileError(reason, `${reason.replace('_', ' ')}: ${error.message}`, name);
  }
  if (error instanceof JsonError) return new ConceptFileError('not_a_concept', error.message, name);
  if (error instanceof SteerdError) return new ConceptFileError('invalid', error.message, name);
  return error;
}
