/** Export, import and composition of stored concepts, as HTTP asks for them: the loaded model says what fits. */

import { GgufError } from '../checkpoint/gguf.js';
import { errors } from '../errors.js';
import type { LoadedModel } from '../models/model.js';
import type { ModelRegistry } from '../models/registry.js';
import type { ConceptVectors, VectorEncoding, VectorFormat } from '../schemas/concept-vectors.js';
import { type ComposeRequest, mostTakenOut } from '../schemas/concepts.js';
import { readJsonObject } from '../text/json-file.js';
import type { Concept } from './concept.js';
import { type ConceptTerm, composeConcepts } from './concept-algebra.js';
import { encodeConcept } from './concept-file.js';
import { type ConceptLibrary, storedConcept } from './concept-lookup.js';
import { encodeControlVector } from './control-vector.js';
import { encodeNumpy } from './numpy-vectors.js';
import { readingsDocument } from './readings.js';
import type { SaeChoice } from './sae-direction.js';
import { withoutSharedPart } from './shared-part.js';
import type { StoredConcept } from './stored-concept.js';
import { conceptOfJson } from './vector-file.js';
import { readVectors } from './vector-reader.js';

type Models = Pick<ModelRegistry, 'get'>;

/** `model_type` of the model's configuration: what GGUF control vectors name their model by. */
async function modelType({ directory }: LoadedModel): Promise<string | null> {
  const config = await readJsonObject(directory, 'config.json').catch(() => null);
  return typeof config?.model_type === 'string' ? config.model_type : null;
}

interface ExportOptions {
  readonly model: string;
  readonly name: string;
  readonly format: VectorFormat;
  readonly encoding: VectorEncoding;
}

/**
 * @returns JSON's text or the file's bytes
 * @throws SteerdError concept_not_found; vectors_invalid when the format cannot hold the concept
 */
export async function exportVectors(
  models: Models,
  concepts: ConceptLibrary,
  { model, name, format, encoding }: ExportOptions,
): Promise<string | Uint8Array> {
  const { concept } = await storedConcept(concepts, model, name, 'name');
  if (format === 'json') return JSON.stringify(toConceptVectors(concept, encoding));
  if (format === 'safetensors') return encodeConcept(concept);
  if (format === 'npz' || format === 'npy') return encodeNumpy(concept, format);
  try {
    return encodeControlVector(concept, (await modelType(await models.get(model))) ?? model);
  } catch (error) {
    throw error instanceof GgufError ? errors.vectorsInvalid('gguf', error.message) : error;
  }
}

/** A concept as the JSON that `importVectors` reads back to the same version. */
export function toConceptVectors(concept: Concept, encoding: VectorEncoding): ConceptVectors {
  const { layers, hiddenSize, calibration, record } = concept;
  const vectors: Record<string, number[] | string> = {};
  for (let layer = 0; layer < layers; layer++) {
    const values = concept.vectors.slice(layer * hiddenSize, (layer + 1) * hiddenSize);
    if (values.every((value) => value === 0)) continue;
    vectors[layer] =
      encoding === 'float'
        ? Array.from(values)
        : Buffer.from(values.buffer as ArrayBuffer).toString('base64');
  }
  return {
    object: 'concept.vectors',
    name: concept.name,
    version: concept.version,
    model: concept.model,
    model_fingerprint: concept.modelFingerprint,
    layers,
    hidden_size: hiddenSize,
    vectors,
    coefficients: Array.from(calibration.coefficients),
    residual_norms: Array.from(concept.residualNorms),
    calibration: {
      method: calibration.method,
      negative_ratio: calibration.negativeRatio,
      details: { ...calibration.details },
    },
    record: { ...record, details: { ...record.details } },
    ...(concept.readings === null ? {} : { readings: readingsDocument(concept.readings) }),
  };
}

interface ImportOptions {
  readonly model: string | undefined;
  readonly name: string;
  readonly format: VectorFormat | undefined;
  readonly contentType: string | undefined;
  readonly force: boolean;
  /** Of files that need it said. */
  readonly sae?: SaeChoice;
}

/**
 * Stores the vectors of a body as a concept of the loaded model.
 * @param body bytes of whatever format, or a JSON value not yet checked
 * @param signal of a client that no longer waits: then nothing is stored
 * @throws SteerdError vectors_invalid, malformed_json, unsupported_media_type, vectors_mismatch, invalid_value, model_unavailable, storage_failed
 */
export async function storeVectors(
  models: Models,
  concepts: ConceptLibrary,
  body: unknown,
  options: ImportOptions,
  signal: AbortSignal,
): Promise<StoredConcept> {
  const model = await models.get(options.model, signal);
  const { fingerprint, layers, hiddenSize } = model.engine.shape;
  const target = {
    name: options.name,
    model: model.id,
    modelFingerprint: fingerprint,
    modelType: await modelType(model),
    layers,
    hiddenSize,
    force: options.force,
    ...(options.sae && { sae: options.sae }),
  };
  const { format, contentType } = options;
  if (body instanceof Uint8Array) {
    return concepts.put(await readVectors({ bytes: body, format, contentType, target }, signal), signal);
  }
  if (format !== undefined && format !== 'json') throw errors.vectorsInvalid(format, 'the body is JSON');
  return concepts.put(conceptOfJson(body, target), signal);
}

/**
 * @param signal ends what takes long; then nothing is stored
 * @throws SteerdError concept_not_found, concept_not_allowed, invalid_value, storage_failed
 */
export async function storeComposition(
  concepts: ConceptLibrary,
  model: string,
  name: string,
  { terms, orthogonalize_to: asked }: ComposeRequest,
  signal: AbortSignal,
): Promise<StoredConcept> {
  const resolved = await inOrder(terms, async ({ concept, weight }, i): Promise<ConceptTerm> => {
    const stored = await storedConcept(concepts, model, concept, `terms.${i}.concept`);
    return { concept: stored.concept, weight };
  });
  const sum = composeConcepts(resolved as [ConceptTerm, ...ConceptTerm[]], name);
  if (asked === undefined) return concepts.put(sum);
  const field = 'orthogonalize_to';
  const of = Array.isArray(asked)
    ? await inOrder(
        asked,
        async (other, i) => (await storedConcept(concepts, model, other, `${field}.${i}`)).concept,
      )
    : await otherConcepts(concepts, sum, resolved, signal);
  if (of.length === 0 || of.length > mostTakenOut) {
    const requirement = `a list of names for a model that has not 1 to ${mostTakenOut} other concepts`;
    throw errors.invalidValue(field, requirement, `${asked}, of which there are ${of.length}`);
  }
  const as = asked === 'mean_of_others' ? 'mean' : 'span';
  return concepts.put(await withoutSharedPart(sum, { of, as, field }, signal));
}

/**
 * The model's concepts apart from the terms and the one that the result replaces. What was made of concepts that are there
 * themselves is left out as well: it would count them twice, and take out of a term what once was made of it.
 */
async function otherConcepts(
  concepts: ConceptLibrary,
  sum: Concept,
  terms: readonly ConceptTerm[],
  signal: AbortSignal,
): Promise<Concept[]> {
  const loaded = await inOrder(concepts.names(sum.model), async (name) => {
    signal.throwIfAborted();
    return (await concepts.load(sum.model, name))?.concept;
  });
  const all = loaded.filter((concept) => concept?.modelFingerprint === sum.modelFingerprint) as Concept[];
  const there = new Set(all.map(({ version }) => version));
  const asked = new Set(terms.map(({ concept }) => concept.version));
  const isMade = ({ record: { details } }: Concept) =>
    Array.isArray(details.of) &&
    details.of.some((source: { readonly version?: unknown } | null) => there.has(String(source?.version)));
  return all.filter(
    (concept) => concept.name !== sum.name && !asked.has(concept.version) && !isMade(concept),
  );
}

/** One after the other: what is asked of a database at once is bounded. */
async function inOrder<Item, Result>(
  items: readonly Item[],
  work: (item: Item, index: number) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (const [index, item] of items.entries()) results.push(await work(item, index));
  return results;
}
