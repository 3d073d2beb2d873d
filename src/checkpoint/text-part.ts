/**
 * The text part of a multimodal checkpoint, as if it had been saved alone. Its configuration lies under `text_config`, its
 * tensors under `language_model.` (transformers before 4.52), `model.language_model.` (since) or, of Idefics and SmolVLM,
 * `model.text_model.`.
 */
import { isPlainObject } from '../common/canonical-json.js';
import { errors } from '../errors.js';
import type { CheckpointTensor } from './checkpoint.js';
import type { JsonRecord } from './json-part.js';

interface Part {
  readonly config: JsonRecord;
  readonly tensors: ReadonlyMap<string, CheckpointTensor>;
}

/** What the outer configuration says for the text part as well, unless that says it itself. */
const shared = [
  'tie_word_embeddings',
  'bos_token_id',
  'eos_token_id',
  'pad_token_id',
  'torch_dtype',
  'dtype',
];

/** A checkpoint of text alone comes back as it is. @throws SteerdError model_unsupported */
export function textPart(
  folder: string,
  config: JsonRecord,
  tensors: ReadonlyMap<string, CheckpointTensor>,
): Part {
  const { text_config: text } = config;
  if (!isPlainObject(text)) return { config, tensors };
  const renamed = new Map<string, CheckpointTensor>();
  for (const [name, tensor] of tensors) {
    const own = textName(name);
    if (own !== null) renamed.set(own, { ...tensor, name: own });
  }
  if (renamed.size === 0) {
    throw errors.checkpointUnsupported(
      folder,
      'it is multimodal, and its text part is not where others have it',
    );
  }
  const outer = Object.fromEntries(shared.flatMap((key) => (key in config ? [[key, config[key]]] : [])));
  return { config: { ...outer, ...text }, tensors: renamed };
}

/** Null for a tensor of another part. */
function textName(name: string): string | null {
  if (name.startsWith('language_model.')) return name.slice('language_model.'.length);
  const prefix = ['model.language_model.', 'model.text_model.'].find((one) => name.startsWith(one));
  if (prefix !== undefined) return `model.${name.slice(prefix.length)}`;
  return name === 'lm_head.weight' ? name : null;
}
