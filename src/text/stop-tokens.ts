/** Which tokens end an answer. Exports disagree on where they say so, so every place counts. */
import { isJsonObject, readJsonObject } from './json-file.js';
import { namedSpecialTokens } from './special-tokens.js';
import type { Tokenizer } from './tokenizer.js';

/** `eos_token_id` is a number or a list; null and anything else name no token. */
function tokenIds(value: unknown): number[] {
  const values: unknown[] = Array.isArray(value) ? value : [value];
  return values.filter((id): id is number => Number.isSafeInteger(id) && (id as number) >= 0);
}

/**
 * Union of `eos_token_id` in `generation_config.json`, `genai_config.json` (under `model`) and
 * `config.json`, and of `eos_token` in `tokenizer_config.json`. Empty when none says.
 */
export async function loadStopTokens(directory: string, tokenizer: Tokenizer): Promise<number[]> {
  const [generation, genai, config, tokenizerConfig] = await Promise.all([
    readJsonObject(directory, 'generation_config.json'),
    readJsonObject(directory, 'genai_config.json'),
    readJsonObject(directory, 'config.json'),
    readJsonObject(directory, 'tokenizer_config.json'),
  ]);
  const eosToken = namedSpecialTokens(tokenizerConfig ?? {}).eos_token;
  const ids = [
    ...tokenIds(generation?.eos_token_id),
    ...tokenIds(isJsonObject(genai?.model) ? genai.model.eos_token_id : null),
    ...tokenIds(config?.eos_token_id),
    ...tokenIds(eosToken === undefined ? null : tokenizer.tokenId(eosToken)),
  ];
  return [...new Set(ids)];
}
