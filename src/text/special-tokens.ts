/**
 * Special tokens as `tokenizer_config.json` names them. A token is a string there, or an object with its
 * text under `content` (the saved form of an AddedToken in Hugging Face transformers).
 */
import { isJsonObject, type JsonObject } from './json-file.js';

const names = ['bos_token', 'eos_token', 'unk_token', 'sep_token', 'pad_token', 'cls_token', 'mask_token'];

function tokenText(value: unknown): string | null {
  if (typeof value === 'string') return value;
  if (isJsonObject(value) && typeof value.content === 'string') return value.content;
  return null;
}

/** The named tokens that the config has: `{"bos_token": "<s>", ...}`. */
export function namedSpecialTokens(config: JsonObject): Record<string, string> {
  const named: Record<string, string> = {};
  for (const name of names) {
    const text = tokenText(config[name]);
    if (text !== null) named[name] = text;
  }
  return named;
}

/** Every token the config declares special, named or additional. */
export function specialTokens(config: JsonObject): string[] {
  const tokens = Object.values(namedSpecialTokens(config));
  for (const key of ['additional_special_tokens', 'extra_special_tokens']) {
    const more = config[key];
    const values = Array.isArray(more) ? more : isJsonObject(more) ? Object.values(more) : [];
    for (const value of values) {
      const text = tokenText(value);
      if (text !== null) tokens.push(text);
    }
  }
  return tokens;
}
