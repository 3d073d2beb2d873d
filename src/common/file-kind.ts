/**
 * What a file is that is not what it should be, by its first bytes: the formats in which vectors and weights lie about,
 * and what a download gives instead of a file. For messages alone; nothing is decoded.
 */

/** Enough for every signature, and for the first names in a zip. */
const head = 4096;

/** The formats that vectors are read in. */
type FileFormat = 'safetensors' | 'gguf' | 'json' | 'npz' | 'npy';

interface Kind {
  readonly format?: FileFormat;
  readonly is: (bytes: Buffer, text: string) => boolean;
  /** Completes "the file is ...". */
  readonly what: string;
}

const begins = (...signature: number[]) => {
  const wanted = Buffer.from(signature);
  return (bytes: Buffer) => bytes.subarray(0, wanted.length).equals(wanted);
};

const zip = begins(0x50, 0x4b, 0x03, 0x04);
const convert = 'save its tensors as safetensors';

/** The more special before the more general. */
const kinds: readonly Kind[] = [
  {
    // First: the eight bytes of its header's length can look like a signature of others.
    is: (bytes, text) => bytes.length > 8 && bytes.readUIntLE(4, 4) === 0 && /^\{\s*["}]/.test(text.slice(8)),
    format: 'safetensors',
    what: 'a safetensors file',
  },
  {
    is: (_, text) => text.startsWith('version https://git-lfs.github.com/spec/'),
    what: 'a Git LFS pointer, which stands for a file that was not fetched; "git lfs pull" fetches it',
  },
  {
    is: (_, text) => /^\s*<(!doctype html|html|head|body)\b/i.test(text),
    what: 'an HTML page, not the file that it may link to; download the file itself',
  },
  { is: (_, text) => /^\s*<\?xml\b/.test(text), what: 'an XML document, perhaps the error of a download' },
  {
    // torch.save since 1.6: a zip with a pickle under this name.
    is: (bytes, text) => zip(bytes) && /\/data\.pkl|\.data\/serialization_id/.test(text),
    what: `a PyTorch file (.pt, a pickle in a zip), which could run code when read; ${convert}`,
  },
  {
    is: (bytes, text) => zip(bytes) && /\.npy/.test(text),
    format: 'npz',
    what: 'a NumPy archive (.npz)',
  },
  { is: zip, what: 'a zip archive; unpack it' },
  {
    is: begins(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59),
    format: 'npy',
    what: 'a NumPy array (.npy)',
  },
  {
    // Protocols 2 to 5, by which torch.save of old and pickle.dump write.
    is: (bytes) => bytes[0] === 0x80 && (bytes[1] ?? 0) >= 2 && (bytes[1] ?? 0) <= 5,
    what: `a Python pickle (.pt or .pkl), which could run code when read; ${convert}`,
  },
  { is: begins(0x89, 0x48, 0x44, 0x46), what: `an HDF5 file; ${convert}` },
  { is: begins(0x1f, 0x8b), what: 'compressed by gzip; unpack it' },
  { is: begins(0x28, 0xb5, 0x2f, 0xfd), what: 'compressed by zstd; unpack it' },
  { is: begins(0x47, 0x47, 0x55, 0x46), format: 'gguf', what: 'a GGUF file' },
  { is: (_, text) => /^(\xef\xbb\xbf)?\s*\{\s*["}]/.test(text), format: 'json', what: 'a JSON object' },
  { is: (_, text) => /^\s*\[/.test(text) && printable(text), what: 'a JSON list' },
];

/**
 * Completes "the file is ..."; null for what none of this is known of. A short text is quoted: hubs answer with
 * sentences such as "Entry not found".
 */
export function fileKind(file: Uint8Array): string | null {
  const [bytes, text] = beginning(file);
  const known = kinds.find(({ is }) => is(bytes, text));
  if (known !== undefined) return known.what;
  if (text.length < shortestText || !printable(text)) return null;
  return `a text that begins with ${JSON.stringify(text.trim().split('\n', 1)[0]?.slice(0, 60) ?? '')}`;
}

/** The format that the first bytes show; undefined for any other kind of file. */
export function fileFormat(file: Uint8Array): FileFormat | undefined {
  const [bytes, text] = beginning(file);
  return kinds.find(({ is }) => is(bytes, text))?.format;
}

/** The first bytes, and the same with one character a byte. */
function beginning(file: Uint8Array): [Buffer, string] {
  const bytes = Buffer.from(file.buffer, file.byteOffset, Math.min(file.length, head));
  return [bytes, bytes.toString('latin1')];
}

/** Characters: a byte or two of a number can be letters too. */
const shortestText = 8;
const printable = (text: string) => /^[\x20-\x7e\s\x80-\xff]*$/.test(text) && /[a-z0-9]/i.test(text);
