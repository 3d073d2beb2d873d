/**
 * The files of a repository from which a model can be built: what Hugging Face transformers saves at the top, weights in
 * one file or in shards. Weights of other formats beside them (`consolidated.safetensors`, `original/`) are passed over.
 */
import { folderOf, isSafePath } from './file-path.js';
import type { ListedFile } from './hub.js';

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

/** By the name that each gets; null when the repository has no such checkpoint. */
export function chooseCheckpoint(files: readonly ListedFile[]): ReadonlyMap<string, ListedFile> | null {
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
  return new Map([...chosen, ...used].map((file) => [file.path, file]));
}
