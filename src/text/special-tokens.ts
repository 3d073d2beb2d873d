/**
 * The special tokens of `tokenizer_config.json`. A token there is a string, or an object with its text under `content`
 * (an AddedToken of Hugging Face transformers as it is saved).
 */
import { isJsonObject, type JsonObject } from './json-file.js';

const names = ['bos_token', 'eos_token', 'unk_token', 'sep_token', 'pad_token', 'cls_token', 'mask_token'];

function tokenText(value: unknown): string | null {
  if (typeof value === 'string') return value;
  if (isJsonObject(value) && typeof value.content === 'string') return value.content;
  return null;
}

/** Those of the named special tokens that the config has, such as `{"bos_token": "<s>"}`. */
export function namedSpecialTokens(config: JsonObject): Record<string, string> {
  const named: Record<string, string> = {};
  for (const name of names) {
    const text = tokenText(config[name]);
    if (text !== null) named[name] = text;
  }
  return named;
}

/** The texts of all tokens that the config declares special, named and additional. */
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
