/** Import, export and composition as HTTP asks for them: the loaded model says what fits. */
import { errors } from '../errors.js';
import type { LoadedModel } from '../models/model.js';
import { ConceptVectorsInput, toConceptVectors, type VectorFormat } from '../schemas/concept-vectors.js';
import type { ComposeRequest } from '../schemas/concepts.js';
import { validate } from '../schemas/validation.js';
import { readJsonObject } from '../text/json-file.js';
import type { Concept } from './concept.js';
import { type ConceptTerm, composeConcepts } from './concept-algebra.js';
import { encodeConcept } from './concept-file.js';
import type { ModelsAndConcepts } from './concept-lookup.js';
import type { StoredConcept } from './concept-store.js';
import { encodeControlVector } from './control-vector.js';
import { GgufError } from './gguf.js';
import { conceptMissing } from './missing-concept.js';
import { formatOfBytes } from './vector-formats.js';
import { importVectors } from './vector-import.js';

async function modelType({ directory }: Pick<LoadedModel, 'directory'>): Promise<string | null> {
  const config = await readJsonObject(directory, 'config.json').catch(() => null);
  return typeof config?.model_type === 'string' ? config.model_type : null;
}

function conceptNamed(services: ModelsAndConcepts, model: string, name: string, param: string): Concept {
  const stored = services.concepts.get(model, name);
  if (stored === undefined) throw conceptMissing(name, model, services.concepts, param);
  return stored.concept;
}

export interface ExportOptions {
  readonly model: string;
  readonly name: string;
  readonly format: VectorFormat;
  readonly encoding: 'float' | 'base64';
}

/**
 * @returns JSON's text or the file's bytes
 * @throws SteerdError concept_not_found; vectors_invalid when the format cannot hold the concept
 */
export async function exportVectors(
  services: ModelsAndConcepts,
  { model, name, format, encoding }: ExportOptions,
): Promise<string | Uint8Array> {
  const concept = conceptNamed(services, model, name, 'name');
  if (format === 'json') return JSON.stringify(toConceptVectors(concept, encoding));
  if (format === 'safetensors') return encodeConcept(concept);
  try {
    return encodeControlVector(concept, (await modelType(await services.models.get(model))) ?? model);
  } catch (error) {
    throw error instanceof GgufError ? errors.vectorsInvalid('gguf', error.message) : error;
  }
}

export interface ImportOptions {
  readonly model: string | undefined;
  readonly name: string;
  readonly format: VectorFormat | undefined;
  readonly contentType: string | undefined;
  readonly force: boolean;
}

/**
 * Stores the vectors of a body as a concept of the loaded model.
 * @param body bytes, or a JSON value not yet checked
 * @throws SteerdError vectors_invalid, vectors_mismatch, invalid_value, model_unavailable, storage_failed
 */
export async function storeVectors(
  services: ModelsAndConcepts,
  body: unknown,
  options: ImportOptions,
): Promise<StoredConcept> {
  const model = await services.models.get(options.model);
  const { fingerprint, layers, hiddenSize } = model.engine.shape;
  const target = {
    name: options.name,
    model: model.id,
    modelFingerprint: fingerprint,
    modelType: await modelType(model),
    layers,
    hiddenSize,
    force: options.force,
  };
  if (body instanceof Uint8Array) {
    const format = formatOfBytes(options.format, options.contentType, body);
    if (format !== 'json') return services.concepts.put(importVectors(body, format, target));
  }
  const checked = validate(ConceptVectorsInput, body instanceof Uint8Array ? undefined : body);
  if ('error' in checked) throw checked.error;
  return services.concepts.put(importVectors(checked.value, 'json', target));
}

/** @throws SteerdError concept_not_found, invalid_value, storage_failed */
export async function storeComposition(
  services: ModelsAndConcepts,
  model: string,
  name: string,
  { terms }: ComposeRequest,
): Promise<StoredConcept> {
  const resolved = terms.map(
    ({ concept, weight }, i): ConceptTerm => ({
      concept: conceptNamed(services, model, concept, `terms.${i}.concept`),
      weight,
    }),
  );
  return services.concepts.put(composeConcepts(resolved as [ConceptTerm, ...ConceptTerm[]], name));
}
