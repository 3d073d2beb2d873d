/** From the bytes of an uploaded file to a concept: whatever its format, and whatever its content type says. */
import { JsonError, parseStrictJson } from '../common/canonical-json.js';
import { fileKind } from '../common/file-kind.js';
import { errors } from '../errors.js';
import { ConceptVectorsInput, type VectorFormat } from '../schemas/concept-vectors.js';
import { validate } from '../schemas/validation.js';
import type { Concept } from './concept.js';
import { formatOfBytes } from './vector-formats.js';
import { type ImportTarget, importVectors } from './vector-import.js';

export interface VectorFile {
  readonly bytes: Uint8Array;
  /** What the bytes must be; undefined lets them say it. */
  readonly format: VectorFormat | undefined;
  readonly contentType: string | undefined;
  readonly target: ImportTarget;
}

/** @throws SteerdError vectors_invalid, malformed_json, unsupported_media_type, vectors_mismatch, invalid_value */
export function conceptOfFile({ bytes, format: asked, contentType, target }: VectorFile): Concept {
  const format = formatOfBytes(asked, contentType, bytes);
  return format === 'json' ? conceptOfJson(readJson(bytes), target) : importVectors(bytes, format, target);
}

/** @throws SteerdError vectors_invalid, vectors_mismatch, invalid_value */
export function conceptOfJson(value: unknown, target: ImportTarget): Concept {
  const checked = validate(ConceptVectorsInput, value);
  if ('error' in checked) throw checked.error;
  return importVectors(checked.value, 'json', target);
}

function readJson(bytes: Uint8Array): unknown {
  try {
    return parseStrictJson(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    if (error instanceof JsonError || error instanceof TypeError) {
      const kind = fileKind(bytes);
      if (kind !== null && kind !== 'a JSON object')
        throw errors.vectorsInvalid('json', `the file is ${kind}`);
      throw errors.malformedJson(error.message);
    }
    throw error;
  }
}
