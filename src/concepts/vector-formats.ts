/** The file formats of vectors: their media types, and which one a request means. */
import { errors } from '../errors.js';
import { type VectorFormat, vectorFormats } from '../schemas/concept-vectors.js';
import { isGguf } from './gguf.js';

/** The first media type of a format is the one of replies. The two binary formats have no registered one. */
export const mediaTypes: Readonly<Record<VectorFormat, readonly [string, ...string[]]>> = {
  json: ['application/json'],
  safetensors: ['application/vnd.safetensors', 'application/safetensors', 'application/x-safetensors'],
  gguf: ['application/vnd.gguf', 'application/gguf', 'application/x-gguf'],
};

/** Either binary format: the file's first bytes say which. */
const anyBinary = 'application/octet-stream';

export const binaryTypes: readonly string[] = [...mediaTypes.safetensors, ...mediaTypes.gguf, anyBinary];

const formatOfType = (type: string): VectorFormat | undefined =>
  vectorFormats.find((format) => mediaTypes[format].includes(type));

/** `?format=` first, then the first type of `Accept` that is known; JSON otherwise. */
export function askedFormat(query: VectorFormat | undefined, accept: string | undefined): VectorFormat {
  if (query !== undefined) return query;
  const types = (accept ?? '').split(',').map((part) => part.split(';', 1)[0]?.trim().toLowerCase() ?? '');
  for (const type of types) {
    const format = formatOfType(type) ?? (type === anyBinary ? 'safetensors' : undefined);
    if (format !== undefined) return format;
  }
  return 'json';
}

/**
 * The format of a body: what the query or the content type says, else what its first bytes say.
 * @throws SteerdError vectors_invalid when query and content type disagree
 */
export function formatOfBytes(
  query: VectorFormat | undefined,
  contentType: string | undefined,
  bytes: Uint8Array,
): VectorFormat {
  const said = formatOfType((contentType ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '');
  if (query !== undefined && said !== undefined && query !== said) {
    throw errors.vectorsInvalid(query, `the content-type says ${said}`);
  }
  return query ?? said ?? (isGguf(bytes) ? 'gguf' : 'safetensors');
}
