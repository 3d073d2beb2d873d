/**
 * `steerd-model.json` in the folder of a pulled or built model: where it came from, and each file with its size and
 * SHA-256. A folder without one was put there by other means; it serves all the same.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writeDurably } from '../../common/durable-file.js';
import { sumFile } from '../../hub/checksum.js';
import { isSafePath } from '../../hub/file-path.js';
import { precisions } from '../../schemas/imports.js';

export const manifestFile = 'steerd-model.json';

const files = z
  .array(
    z.object({
      path: z.string().refine(isSafePath),
      bytes: z.int().min(0),
      sha256: z.string().regex(/^[0-9a-f]{64}$/),
    }),
  )
  .min(1);

/** Where on a hub a model came from. */
const origin = {
  endpoint: z.string(),
  repository: z.string(),
  /** As it was asked for. */
  revision: z.string(),
  commit: z.string(),
};

/** Of a model whose graph came from a hub as it is. */
const PulledManifest = z.object({
  format: z.literal(1),
  ...origin,
  /** The graph's path in the repository; here it is `model.onnx`. */
  graph: z.string(),
  quantization: z.string().nullable(),
  /** ISO 8601. */
  pulled_at: z.string(),
  files,
});
export type PulledManifest = z.output<typeof PulledManifest>;

/** Of a model whose graph was built here, from a checkpoint. */
const BuiltManifest = z.object({
  format: z.literal(2),
  /** Hugging Face's `model_type`. */
  architecture: z.string(),
  precision: z.enum(precisions),
  checkpoint: z.object({
    format: z.enum(['safetensors', 'gguf']),
    /** Names alone: where they lay may be nobody's business. */
    files: z.array(z.object({ name: z.string(), bytes: z.int().min(0) })),
    /** Null for one from the disk. */
    hub: z.object(origin).nullable(),
  }),
  /** Version of steerd. */
  built_by: z.string(),
  /** ISO 8601. */
  built_at: z.string(),
  files,
});
export type BuiltManifest = z.output<typeof BuiltManifest>;

export const Manifest = z.discriminatedUnion('format', [PulledManifest, BuiltManifest]);
export type Manifest = z.output<typeof Manifest>;

/** In a few words, for lists. */
export function originOf(manifest: Manifest): string {
  const hub = manifest.format === 1 ? manifest : manifest.checkpoint.hub;
  if (hub !== null) return `${hub.repository}@${hub.commit.slice(0, 12)}`;
  const [first] = manifest.format === 2 ? manifest.checkpoint.files : [];
  return first?.name ?? 'a checkpoint';
}

/** The name of how its weights are stored; null where nothing tells. */
export const quantizationOf = (manifest: Manifest): string | null =>
  manifest.format === 1 ? manifest.quantization : manifest.precision;

/** Null for a folder that has none, and for one that is damaged: `verifyModel` tells the two apart. */
export async function readManifest(folder: string): Promise<Manifest | null> {
  const parsed = await parseManifest(folder);
  return typeof parsed === 'object' ? parsed : null;
}

async function parseManifest(folder: string): Promise<Manifest | 'none' | 'damaged'> {
  let text: string;
  try {
    text = await readFile(join(folder, manifestFile), 'utf8');
  } catch {
    return 'none';
  }
  try {
    return Manifest.parse(JSON.parse(text));
  } catch {
    return 'damaged';
  }
}

/** Durable when it resolves. */
export async function writeManifest(folder: string, manifest: Manifest): Promise<void> {
  await writeDurably(folder, manifestFile, Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`));
}

interface Verification {
  /** `unknown`: there is nothing to compare with. */
  readonly state: 'right' | 'wrong' | 'unknown';
  /** What is not as it was pulled or built, a line each. */
  readonly faults: readonly string[];
  /** Files that came by other means: allowed, and told. */
  readonly extra: readonly string[];
}

/**
 * Reads every file of a pulled or built model and compares it with its manifest.
 * @param onFile hears which file is being read
 */
export async function verifyModel(
  folder: string,
  onFile: (path: string) => void = () => {},
  signal?: AbortSignal,
): Promise<Verification> {
  const manifest = await parseManifest(folder);
  if (manifest === 'none') return { state: 'unknown', faults: [], extra: [] };
  if (manifest === 'damaged') {
    return { state: 'wrong', faults: [`${manifestFile} is damaged`], extra: [] };
  }
  const faults: string[] = [];
  for (const { path, bytes, sha256 } of manifest.files) {
    onFile(path);
    const fault = await faultOf(join(folder, path), bytes, sha256, signal);
    if (fault !== null) faults.push(`${path} ${fault}`);
  }
  const known = new Set([manifestFile, ...manifest.files.map(({ path }) => path)]);
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const extra = entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(folder.length + 1)
        .replaceAll('\\', '/'),
    )
    .filter((path) => !known.has(path))
    .sort();
  return { state: faults.length === 0 ? 'right' : 'wrong', faults, extra };
}

async function faultOf(
  file: string,
  bytes: number,
  sha256: string,
  signal: AbortSignal | undefined,
): Promise<string | null> {
  try {
    const { size } = await stat(file);
    if (size !== bytes) return `has ${size} bytes where ${bytes} are recorded`;
    const sums = await sumFile(file, 'sha256', signal);
    return sums.sha256 === sha256 ? null : `has SHA-256 ${sums.sha256} where ${sha256} is recorded`;
  } catch (error) {
    signal?.throwIfAborted();
    return (error as NodeJS.ErrnoException).code === 'ENOENT'
      ? 'is missing'
      : `cannot be read: ${(error as Error).message}`;
  }
}
