/** The file formats of vectors: their media types, and which one a request means. */
import { fileFormat, fileKind } from '../common/file-kind.js';
import { errors } from '../errors.js';
import { type VectorFormat, vectorFormats } from '../schemas/concept-vectors.js';

/** The first media type of a format is the one of replies. The binary formats have no registered one. */
export const mediaTypes: Readonly<Record<VectorFormat, readonly [string, ...string[]]>> = {
  json: ['application/json'],
  safetensors: ['application/vnd.safetensors', 'application/safetensors', 'application/x-safetensors'],
  gguf: ['application/vnd.gguf', 'application/gguf', 'application/x-gguf'],
  npz: ['application/x-npz'],
  npy: ['application/x-npy'],
};

/** Any binary format: the file's first bytes say which. */
const anyBinary = 'application/octet-stream';

export const binaryTypes: readonly string[] = [
  ...mediaTypes.safetensors,
  ...mediaTypes.gguf,
  ...mediaTypes.npz,
  ...mediaTypes.npy,
  anyBinary,
];

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

/** What clients call the bytes of a file that they were told nothing of: curl's `--data-binary`, and its `-T`. */
const untoldTypes = [anyBinary, 'application/x-www-form-urlencoded', ''];

/**
 * The format of a body's bytes: what the query insists on, else what the bytes show, else what the content type says.
 * @throws SteerdError vectors_invalid when the bytes are not what the query says; unsupported_media_type when neither
 *   bytes nor content type are a file of vectors
 */
export function formatOfBytes(
  query: VectorFormat | undefined,
  contentType: string | undefined,
  bytes: Uint8Array,
): VectorFormat {
  const seen = fileFormat(bytes);
  if (query !== undefined) {
    if (seen === undefined || seen === query) return query;
    throw errors.vectorsInvalid(query, `the file is ${fileKind(bytes)}`);
  }
  if (seen !== undefined) return seen;
  const type = (contentType ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  const said = formatOfType(type);
  if (said !== undefined) return said;
  if (untoldTypes.includes(type)) return 'safetensors';
  throw errors.vectorsOfNoType(contentType, fileKind(bytes));
}
