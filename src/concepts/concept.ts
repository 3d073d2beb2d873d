/**
 * A concept is an immutable value: unit vectors per layer for one model, the record of its fit, and the coefficients of
 * strength 1. `createConcept` is the only way to make one: it checks everything, copies, and computes the version.
 */
import { createHash } from 'node:crypto';
import { canonicalJson, JsonError } from '../common/canonical-json.js';
import { conceptLimits } from '../common/concept-limits.js';
import { isConceptName } from '../common/names.js';
import { errors } from '../errors.js';
import { checkReadings, type Readings, readingsDocument } from './readings.js';

/** How a concept came to be: kept in the file's header, returned by GET /v1/concepts/{name}. */
export interface ConceptRecord {
  readonly recipe: string;
  readonly method: string;
  /** What stated the concept to the model during the fit. */
  readonly prefix: string;
  readonly seed: number;
  /** Everything else a recipe or method wants to keep (layers' norms, prompts' hash, ...). JSON values only. */
  readonly details: Readonly<Record<string, unknown>>;
}

/** What strength means for this concept. */
export interface Calibration {
  /** Name of the rule or measurement that chose the coefficients. */
  readonly method: string;
  /** [L] additive coefficient on the unit vector at strength 1; 0 where the layer is not steered by default. */
  readonly coefficients: Float32Array;
  /** Strength -1 is that many times as strong as strength 1: fluency ends at different strengths in either direction. */
  readonly negativeRatio: number;
  readonly details: Readonly<Record<string, unknown>>;
}

export interface Concept {
  readonly name: string;
  /** Id of the model it belongs to. */
  readonly model: string;
  /** `ModelShape.fingerprint` of the export it was fitted on. */
  readonly modelFingerprint: string;
  /** SHA-256 (hex) of the content: the concept's version. */
  readonly version: string;
  /** L */
  readonly layers: number;
  /** H */
  readonly hiddenSize: number;
  /** [L * H] unit vectors, row l for block l; a zero row where there is none. Backed by a SharedArrayBuffer. */
  readonly vectors: Float32Array;
  /** [L] mean L2 norm of the block outputs seen in the fit: the unit of scale "norm". */
  readonly residualNorms: Float32Array;
  readonly calibration: Calibration;
  readonly record: ConceptRecord;
  /** Null where they were not measured: old files, imports, what `calibrate: false` fitted. */
  readonly readings: Readings | null;
}

/** What a concept is made of; `readings` may be left out. */
type ConceptFields = Omit<Concept, 'version' | 'readings'> & Partial<Pick<Concept, 'readings'>>;

/** The calibration methods that choose coefficients without measuring what they do. */
export const unmeasuredMethods: readonly string[] = ['norm_share', 'algebra', 'imported'];

/** The calibration method that finds where strength 1 lies and nothing else (src/fitting/measure/glance-calibration.ts). */
export const glanceMethod = 'glance';

/** A row counts as unit when its norm is this close to 1: room for float16 and bfloat16 sources. */
export const unitTolerance = 1e-3;

/**
 * Makes a concept of its fields: copies every array (`vectors` into a SharedArrayBuffer) and computes the version.
 * @throws SteerdError invalid_value, naming the field.
 */
export function createConcept(fields: ConceptFields): Concept {
  const { name, model, modelFingerprint, layers, hiddenSize } = fields;
  if (typeof name !== 'string' || !isConceptName(name)) {
    throw errors.invalidValue(
      'name',
      `1 to ${conceptLimits.name} letters, digits, spaces, "_", "-", "." or "'", in Unicode NFC, starting with a letter or digit and not ending with a space`,
      name,
    );
  }
  checkIdentifier('model', model);
  checkIdentifier('model_fingerprint', modelFingerprint);
  checkCount('layers', layers, conceptLimits.layers);
  checkCount('hidden_size', hiddenSize, conceptLimits.hiddenSize);
  if (layers * hiddenSize > conceptLimits.elements) {
    throw errors.invalidValue('vectors', `at most ${conceptLimits.elements} numbers`, layers * hiddenSize);
  }
  checkNumbers('vectors', fields.vectors, layers * hiddenSize);
  checkNumbers('residual_norms', fields.residualNorms, layers);
  checkNumbers('calibration.coefficients', fields.calibration.coefficients, layers);
  checkRows(fields.vectors, layers, hiddenSize);
  const negative = fields.residualNorms.find((norm) => norm < 0);
  if (negative !== undefined) throw errors.invalidValue('residual_norms', 'not negative', negative);

  const content = {
    name,
    model,
    modelFingerprint,
    layers,
    hiddenSize,
    vectors: copyNumbers(fields.vectors, new SharedArrayBuffer(4 * layers * hiddenSize)),
    residualNorms: copyNumbers(fields.residualNorms, new ArrayBuffer(4 * layers)),
    calibration: Object.freeze({
      method: checkText('calibration.method', fields.calibration.method, conceptLimits.label),
      coefficients: copyNumbers(fields.calibration.coefficients, new ArrayBuffer(4 * layers)),
      negativeRatio: checkRatio(fields.calibration.negativeRatio),
      details: copyDetails('calibration.details', fields.calibration.details),
    }),
    record: copyRecord(fields.record),
    readings: fields.readings
      ? checkReadings(fields.readings, layers, hiddenSize, (layer) => hasVector(fields, layer))
      : null,
  };
  return Object.freeze({ ...content, version: conceptVersion(content) });
}

/** The part of a concept that is text, as its file keeps it beside the version. */
export function conceptDocument(concept: Omit<Concept, 'version'>): Record<string, unknown> {
  const { readings } = concept;
  const { method, negativeRatio, details } = concept.calibration;
  return {
    format: 1,
    name: concept.name,
    model: concept.model,
    model_fingerprint: concept.modelFingerprint,
    layers: concept.layers,
    hidden_size: concept.hiddenSize,
    record: concept.record,
    // Left out where both directions are alike, so that files from before there was a ratio keep their version.
    calibration: { method, details, ...(negativeRatio === 1 ? {} : { negative_ratio: negativeRatio }) },
    // The same for readings.
    ...(readings === null ? {} : { readings: readingsDocument(readings) }),
  };
}

/**
 * The version: the SHA-256 of everything a concept says. First the canonical JSON of its document (UTF-8), then the
 * float32 bytes of `vectors`, `residual_norms` and `calibration`, little-endian. No timestamp takes part: the same
 * fit gives the same version.
 */
export function conceptVersion(concept: Omit<Concept, 'version'>): string {
  const hash = createHash('sha256').update(canonicalJson(conceptDocument(concept)));
  for (const values of [concept.vectors, concept.residualNorms, concept.calibration.coefficients]) {
    hash.update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  }
  return hash.digest('hex');
}

function checkIdentifier(field: string, value: unknown): void {
  const plain =
    typeof value === 'string' && /^[^\p{C}]+$/u.test(value) && value.length <= conceptLimits.model;
  if (!plain) {
    throw errors.invalidValue(
      field,
      `1 to ${conceptLimits.model} characters without control characters`,
      value,
    );
  }
}

function checkCount(field: string, value: number, limit: number): void {
  if (!Number.isSafeInteger(value) || value < 1 || value > limit) {
    throw errors.invalidValue(field, `an integer from 1 to ${limit}`, value);
  }
}

function checkNumbers(field: string, values: Float32Array, length: number): void {
  if (values.length !== length)
    throw errors.invalidValue(field, `${length} numbers`, `${values.length} numbers`);
  const index = values.findIndex((value) => !Number.isFinite(value));
  if (index >= 0) throw errors.invalidValue(`${field}[${index}]`, 'a finite number', values[index]);
}

function checkRows(vectors: Float32Array, layers: number, hiddenSize: number): void {
  for (let layer = 0; layer < layers; layer++) {
    let square = 0;
    for (const value of vectors.subarray(layer * hiddenSize, (layer + 1) * hiddenSize))
      square += value * value;
    const norm = Math.sqrt(square);
    if (norm !== 0 && Math.abs(norm - 1) > unitTolerance) {
      throw errors.invalidValue(`vectors[${layer}]`, 'a unit vector or zero', `a vector of norm ${norm}`);
    }
  }
}

/** Whether there is a direction at a layer. */
export function hasVector({ vectors, hiddenSize }: Pick<Concept, 'vectors' | 'hiddenSize'>, layer: number) {
  return vectors.subarray(layer * hiddenSize, (layer + 1) * hiddenSize).some((value) => value !== 0);
}

function checkRatio(ratio: number): number {
  if (Number.isFinite(ratio) && ratio > 0) return ratio;
  throw errors.invalidValue('calibration.negative_ratio', 'a finite number above 0', ratio);
}

/** Adding 0 turns -0 into 0, so that equal values have equal bytes and equal versions. */
function copyNumbers(values: Float32Array, buffer: ArrayBufferLike): Float32Array {
  const copy = new Float32Array(buffer);
  for (let i = 0; i < copy.length; i++) copy[i] = (values[i] ?? 0) + 0;
  return copy;
}

function copyRecord(record: ConceptRecord): ConceptRecord {
  if (!Number.isSafeInteger(record.seed) || record.seed < 0) {
    throw errors.invalidValue('record.seed', 'an integer of at least 0', record.seed);
  }
  return Object.freeze({
    recipe: checkText('record.recipe', record.recipe, conceptLimits.label),
    method: checkText('record.method', record.method, conceptLimits.label),
    prefix: checkText('record.prefix', record.prefix, conceptLimits.prefix),
    seed: record.seed,
    details: copyDetails('record.details', record.details),
  });
}

function checkText(field: string, value: unknown, limit: number): string {
  if (typeof value === 'string' && value.length <= limit) return value;
  throw errors.invalidValue(field, `a string of at most ${limit} characters`, value);
}

function copyDetails(
  field: string,
  details: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  let json: string;
  try {
    json = canonicalJson(details);
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    throw errors.invalidValue(field, 'an object of JSON values', error.message);
  }
  if (!json.startsWith('{')) throw errors.invalidValue(field, 'an object of JSON values', json);
  if (json.length > conceptLimits.json) {
    throw errors.invalidValue(field, `at most ${conceptLimits.json} characters of JSON`, json.length);
  }
  return deepFreeze(JSON.parse(json));
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    Object.values(value).forEach(deepFreeze);
    Object.freeze(value);
  }
  return value;
}
