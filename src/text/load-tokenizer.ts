/** A model folder's tokenizer as the server uses it: with a background thread for long texts. */
import { BackgroundEncoder } from './background-encoder.js';
import { readTokenizer } from './huggingface-tokenizer.js';
import type { Tokenizer } from './tokenizer.js';

/**
 * @param directory holds `tokenizer.json` and, in most models, `tokenizer_config.json`
 * @throws Error naming the file that is missing or not a tokenizer
 */
export function loadTokenizer(directory: string): Promise<Tokenizer> {
  const background = new BackgroundEncoder(directory);
  return readTokenizer(directory, (text, options) => background.encode(text, options));
}
