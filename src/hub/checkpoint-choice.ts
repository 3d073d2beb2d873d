/**
 * The files of a repository from which a model can be built: what Hugging Face transformers saves at the top, weights in
 * one file or in shards, or one of its GGUF files. Weights of other formats beside them (`consolidated.safetensors`,
 * `original/`) are passed over.
 */
import { errors } from '../errors.js';
import { isDocument } from './documents.js';
import { folderOf, isSafePath, nameOf } from './file-path.js';
import type { ListedFile, Snapshot } from './hub.js';

export interface CheckpointChoice {
  /** By the name that each gets. */
  readonly files: ReadonlyMap<string, ListedFile>;
  /** Name of the GGUF file, or of its first part; null for safetensors, which are a folder. */
  readonly gguf: string | null;
}

const needed = ['config.json', 'tokenizer.json'];
const companions = [
  'tokenizer_config.json',
  'special_tokens_map.json',
  'generation_config.json',
  'chat_template.jinja',
  'chat_template.json',
];
const index = 'model.safetensors.index.json';
const weights = /^model(-\d{5}-of-\d{5})?\.safetensors$/;

/** Null when the repository has no safetensors that can be built from. */
export function chooseSafetensors({ files }: Pick<Snapshot, 'files'>): CheckpointChoice | null {
  const top = files.filter(({ path }) => folderOf(path) === '' && isSafePath(path));
  const named = new Map(top.map((file) => [file.path, file]));
  const shards = top.filter(({ path }) => weights.test(path));
  const isSharded = named.has(index);
  const used = shards.filter(
    ({ path }) => isSharded === (path !== 'model.safetensors') || shards.length === 1,
  );
  if (used.length === 0 || !needed.every((name) => named.has(name))) return null;
  const chosen = [...needed, ...companions, ...(isSharded ? [index] : [])].flatMap((name) => {
    const file = named.get(name);
    return file === undefined ? [] : [file];
  });
  const documents = top.filter(({ path }) => isDocument(path));
  return { files: new Map([...chosen, ...used, ...documents].map((file) => [file.path, file])), gguf: null };
}

export const isGguf = (path: string): boolean => path.toLowerCase().endsWith('.gguf');

/** A model in one file, or in parts. */
interface GgufModel {
  /** Its file name without what comes after a part's number. */
  readonly stem: string;
  readonly parts: readonly ListedFile[];
}

/** What was asked for of a repository's GGUF files. */
export interface GgufWish {
  /** Path of a file, one of its parts if it has several. */
  readonly file?: string | undefined;
  /** Words of its name, such as `Q4_K_M`. */
  readonly gguf?: string | undefined;
}

/**
 * The GGUF file that was asked for; without a wish the only one, or Q8_0, which int8 takes over as it is.
 * @returns null when nothing was asked for and there is no GGUF file
 * @throws SteerdError nothing_to_pull, with a list of what there is
 */
export function chooseGguf(
  { repository, files }: Pick<Snapshot, 'repository' | 'files'>,
  { file, gguf }: GgufWish,
): CheckpointChoice | null {
  const models = ggufModels(files.filter(({ path }) => isSafePath(path)));
  const asked = file ?? gguf;
  const found =
    file !== undefined
      ? models.find(({ parts }) => parts.some(({ path }) => path === file))
      : gguf !== undefined
        ? named(models, gguf)
        : models.length === 1
          ? models[0]
          : named(models, 'Q8_0');
  if (found !== undefined) {
    const documents = files.filter(({ path }) => isDocument(path));
    const [first] = found.parts;
    return {
      files: new Map([...found.parts, ...documents].map((one) => [nameOf(one.path), one])),
      gguf: first === undefined ? null : nameOf(first.path),
    };
  }
  if (asked === undefined && models.length === 0) return null;
  const there = models.flatMap(({ parts }) => parts.slice(0, 1).map(({ path }) => path));
  throw errors.nothingToPull(
    repository,
    asked === undefined ? 'ONNX decoder and no safetensors' : `GGUF file ${asked}`,
    there.length === 0
      ? 'no GGUF file'
      : `${there.slice(0, 24).join(', ')}${there.length > 24 ? `, and ${there.length - 24} more` : ''}`,
    file === undefined ? 'model' : 'file',
  );
}

function ggufModels(files: readonly ListedFile[]): GgufModel[] {
  const models = new Map<string, ListedFile[]>();
  for (const file of files) {
    // What sees and hears lies beside a model's text part.
    if (!isGguf(file.path) || nameOf(file.path).startsWith('mmproj')) continue;
    const stem = file.path.replace(/(-\d{5}-of-\d{5})?\.gguf$/i, '');
    models.set(stem, [...(models.get(stem) ?? []), file]);
  }
  return [...models].map(([path, parts]) => ({
    stem: nameOf(path),
    parts: parts.sort((a, b) => a.path.localeCompare(b.path)),
  }));
}

/** The one with these words in its name; of several, as Q4_K and Q4_K_M, the one that ends with them. */
function named(models: readonly GgufModel[], words: string): GgufModel | undefined {
  const wanted = words.toLowerCase();
  const isIn = (stem: string) => `-${stem.toLowerCase()}-`.split(/[-.]/).some((part) => part === wanted);
  const fitting = models.filter(({ stem }) => isIn(stem) || stem.toLowerCase().endsWith(`-${wanted}`));
  return fitting.length === 1 ? fitting[0] : undefined;
}
