/**
 * Text to token ids and back, from a model's `tokenizer.json` and `tokenizer_config.json`.
 * Wraps @huggingface/tokenizers and closes its gaps to what a server meets: ids the vocabulary does not
 * have (a model's vocabulary is often padded), no ids at all, special tokens named only in the config.
 */
import { join } from 'node:path';
import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers';
import { TokenizerThread } from './background-encoder.js';
import { isJsonObject, type JsonObject, readJsonObject } from './json-file.js';
import { specialTokens } from './special-tokens.js';
import { pieceBytes } from './token-bytes.js';

export interface Tokenizer {
  /** Highest id + 1, over the model's vocabulary and the added tokens. The model's logits may be wider. */
  readonly vocabularySize: number;

  /**
   * Special tokens written in the text are recognised. `addSpecialTokens` (default true) adds what the
   * tokenizer's template puts around a text, often a beginning-of-sequence token; turn it off for text that
   * a chat template made, which has its own.
   */
  encode(text: string, options?: { addSpecialTokens?: boolean }): number[];

  /** The same beside this thread, for long texts; see `encodeText`. */
  encodeOffThread?(text: string, options?: { addSpecialTokens?: boolean }): Promise<number[]>;

  /**
   * The text, spaces as they are. `skipSpecialTokens` is on by default. Ids the vocabulary does not have
   * stand for no text.
   */
  decode(ids: readonly number[], options?: { skipSpecialTokens?: boolean }): string;

  tokenId(token: string): number | undefined;

  isSpecial(id: number): boolean;

  /**
   * The bytes that a token stands for inside a text, its space included; of a special token its name's. None for an
   * id without a token.
   */
  bytes(id: number): Uint8Array;
}

class ModelTokenizer implements Tokenizer {
  readonly vocabularySize: number;
  /** UTF-16 units of the longest entry of the vocabulary. */
  readonly longestToken: number;
  readonly #tokenizer: HuggingFaceTokenizer;
  readonly #special = new Set<number>();
  readonly #added: ReadonlySet<number>;
  readonly #pieceBytes: (piece: string) => Uint8Array;

  readonly #thread: TokenizerThread;

  constructor(definition: JsonObject, config: JsonObject, directory: string) {
    this.#thread = new TokenizerThread(directory);
    this.#tokenizer = buildTokenizer(definition, config);

    let size = 0;
    let longest = 1;
    for (const [token, id] of this.#tokenizer.get_vocab()) {
      size = Math.max(size, id + 1);
      longest = Math.max(longest, token?.length ?? 0); // the library lists unused ids as undefined
    }
    this.vocabularySize = size;
    this.longestToken = longest;

    const added = [...this.#tokenizer.get_added_tokens_decoder()];
    for (const [id, token] of added) if (token.special) this.#special.add(id);
    this.#added = new Set(added.map(([id]) => id));
    this.#pieceBytes = pieceBytes(definition.decoder);
    for (const token of specialTokens(config)) {
      const id = this.tokenId(token);
      if (id !== undefined) this.#special.add(id);
    }
  }

  encode(text: string, options: { addSpecialTokens?: boolean } = {}): number[] {
    const add_special_tokens = options.addSpecialTokens ?? true;
    const { ids } = this.#tokenizer.encode(text, { add_special_tokens });
    // A piece that is in no vocabulary has no id where the tokenizer has no unknown token.
    return ids.filter((id: number | undefined) => id !== undefined);
  }

  encodeOffThread(text: string, options: { addSpecialTokens?: boolean } = {}): Promise<number[]> {
    return this.#thread.encode(text, options);
  }

  decode(ids: readonly number[], options: { skipSpecialTokens?: boolean } = {}): string {
    const skip = options.skipSpecialTokens ?? true;
    const kept = ids.filter(
      (id) => !(skip && this.#special.has(id)) && this.#tokenizer.id_to_token(id) !== undefined,
    );
    if (kept.length === 0) return ''; // the library refuses an empty list
    return this.#tokenizer.decode(kept, { skip_special_tokens: false, clean_up_tokenization_spaces: false });
  }

  tokenId(token: string): number | undefined {
    return this.#tokenizer.token_to_id(token);
  }

  isSpecial(id: number): boolean {
    return this.#special.has(id);
  }

  bytes(id: number): Uint8Array {
    const piece = this.#tokenizer.id_to_token(id);
    if (piece === undefined) return new Uint8Array();
    return this.#added.has(id) ? new TextEncoder().encode(piece) : this.#pieceBytes(piece);
  }
}

/**
 * The library makes tables of the vocabulary and the merges, and keeps what it made them of, which is as large: here
 * that is emptied once they are made.
 */
function buildTokenizer(definition: JsonObject, config: JsonObject): HuggingFaceTokenizer {
  if (!isJsonObject(definition.model)) return new HuggingFaceTokenizer(definition, config);
  const { vocab, merges, ...model } = definition.model;
  // Merges in their older form, "a b", it takes apart into a list of its own, out of reach here.
  const pairs =
    Array.isArray(merges) &&
    merges.map((pair: unknown) => (typeof pair === 'string' ? pair.split(' ', 2) : pair));
  const source: Record<string, unknown> = { ...model, vocab, ...(pairs && { merges: pairs }) };
  const tokenizer = new HuggingFaceTokenizer({ ...definition, model: source }, config);
  if (pairs) pairs.length = 0;
  source.vocab = {};
  return tokenizer;
}

/**
 * The fewest tokens a text can have, found without tokenising it: its length over the longest token's.
 * Tokenising takes about 10 ms a kilobyte where a tokenizer sees one long word (1 MB of one letter: 10 s, all
 * other work waits), so a caller with a limit asks here first. Only text that the tokenizer throws away
 * (characters unknown to it, spaces that its normalizer collapses) can have fewer. 0 for tokenizers that
 * tests bring.
 */
export function leastTokens(tokenizer: Tokenizer, text: string): number {
  if (!(tokenizer instanceof ModelTokenizer)) return 0;
  return Math.ceil(text.length / tokenizer.longestToken);
}

/** Texts of more characters are tokenised beside this thread: this many take it 50 ms at worst. */
const longText = 2048;

/**
 * `encode` for text of any length: other work goes on meanwhile.
 * @param length characters of this and whatever else is encoded for the same request
 * @throws SteerdError queue_full
 */
export async function encodeText(
  tokenizer: Tokenizer,
  text: string,
  options: { addSpecialTokens?: boolean } = {},
  length = text.length,
): Promise<number[]> {
  if (length <= longText || tokenizer.encodeOffThread === undefined) return tokenizer.encode(text, options);
  return tokenizer.encodeOffThread(text, options);
}

/** The added tokens of `tokenizer.json` and those that only `tokenizer_config.json` has. */
function mergeAddedTokens(definition: JsonObject, config: JsonObject): unknown[] {
  const added: unknown[] = Array.isArray(definition.added_tokens) ? [...definition.added_tokens] : [];
  if (!isJsonObject(config.added_tokens_decoder)) return added;
  const known = new Set(added.map((token) => (isJsonObject(token) ? token.id : undefined)));
  for (const [key, token] of Object.entries(config.added_tokens_decoder)) {
    const id = Number(key);
    if (Number.isSafeInteger(id) && id >= 0 && isJsonObject(token) && !known.has(id)) {
      added.push({ ...token, id });
    }
  }
  return added;
}

/**
 * @param directory holds `tokenizer.json` and, as most do, `tokenizer_config.json`.
 * @throws Error naming the file when it is missing or not a tokenizer.
 */
export async function loadTokenizer(directory: string): Promise<Tokenizer> {
  const definition = await readJsonObject(directory, 'tokenizer.json');
  if (definition === null) throw new Error(`${directory} has no tokenizer.json`);
  const config = (await readJsonObject(directory, 'tokenizer_config.json')) ?? {};
  const parts = { normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null };
  try {
    return new ModelTokenizer(
      { ...parts, ...definition, added_tokens: mergeAddedTokens(definition, config) },
      config,
      directory,
    );
  } catch (error) {
    throw new Error(
      `${join(directory, 'tokenizer.json')} is not a tokenizer we can read: ${(error as Error).message}`,
    );
  }
}
