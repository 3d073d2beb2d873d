/** The tokens that end an answer. Exports name them in different files, so all of those are read. */
import { isJsonObject, readJsonObject } from './json-file.js';
import { namedSpecialTokens } from './special-tokens.js';
import type { Tokenizer } from './tokenizer.js';

/** The ids in an `eos_token_id`: a number or a list of them; null and anything else give none. */
function tokenIds(value: unknown): number[] {
  const values: unknown[] = Array.isArray(value) ? value : [value];
  return values.filter((id): id is number => Number.isSafeInteger(id) && (id as number) >= 0);
}

/**
 * The union of `eos_token_id` in `generation_config.json`, `genai_config.json` (under `model`) and `config.json`, and
 * of `eos_token` in `tokenizer_config.json`. Empty when none of them has one.
 * @throws Error naming a file that is not a JSON object
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
