/**
 * The tokenizer of a model folder's `tokenizer.json` and `tokenizer_config.json`. It wraps @huggingface/tokenizers and
 * covers what the library does not: ids beyond the vocabulary (a model's logits are often padded), an empty list of
 * ids, and special tokens that only the config names.
 */
import { join } from 'node:path';
import { Tokenizer as LibraryTokenizer } from '@huggingface/tokenizers';
import { isJsonObject, type JsonObject, readJsonObject } from './json-file.js';
import { literalWriter, withoutMarks } from './literal-text.js';
import { specialTokens } from './special-tokens.js';
import { pieceBytes } from './token-bytes.js';
import type { EncodeOptions, Tokenizer } from './tokenizer.js';

class HuggingFaceTokenizer implements Tokenizer {
  readonly vocabularySize: number;
  readonly longestToken: number;
  readonly #library: LibraryTokenizer;
  readonly #special = new Set<number>();
  readonly #added: ReadonlySet<number>;
  readonly #pieceBytes: (piece: string) => Uint8Array;
  readonly literal: (text: string) => string;

  constructor(
    definition: JsonObject,
    config: JsonObject,
    readonly encodeInBackground?: Tokenizer['encodeInBackground'],
  ) {
    this.#library = buildTokenizer(definition, config);

    let size = 0;
    let longest = 1;
    for (const [token, id] of this.#library.get_vocab()) {
      size = Math.max(size, id + 1);
      longest = Math.max(longest, token?.length ?? 0); // the library lists unused ids as undefined
    }
    this.vocabularySize = size;
    this.longestToken = longest;

    const added = [...this.#library.get_added_tokens_decoder()];
    for (const [id, token] of added) if (token.special) this.#special.add(id);
    this.#added = new Set(added.map(([id]) => id));
    this.#pieceBytes = pieceBytes(definition.decoder);
    for (const token of specialTokens(config)) {
      const id = this.tokenId(token);
      if (id !== undefined) this.#special.add(id);
    }
    this.literal = literalWriter(
      added.flatMap(([id, { content }]) => (this.#special.has(id) || looksSpecial(content) ? [content] : [])),
    );
    readMarks(this.#library);
  }

  encode(text: string, { addSpecialTokens = true }: EncodeOptions = {}): number[] {
    const { ids } = this.#library.encode(text, { add_special_tokens: addSpecialTokens });
    // Without an unknown token, the library gives undefined for a piece that the vocabulary does not have.
    return ids.filter((id: number | undefined) => id !== undefined);
  }

  decode(ids: readonly number[], options: { skipSpecialTokens?: boolean } = {}): string {
    const skip = options.skipSpecialTokens ?? true;
    const kept = ids.filter(
      (id) => !(skip && this.#special.has(id)) && this.#library.id_to_token(id) !== undefined,
    );
    if (kept.length === 0) return ''; // the library refuses an empty list
    return this.#library.decode(kept, { skip_special_tokens: false, clean_up_tokenization_spaces: false });
  }

  tokenId(token: string): number | undefined {
    return this.#library.token_to_id(token);
  }

  piece(id: number): string | undefined {
    return this.#library.id_to_token(id);
  }

  isSpecial(id: number): boolean {
    return this.#special.has(id);
  }

  bytes(id: number): Uint8Array {
    const piece = this.#library.id_to_token(id);
    if (piece === undefined) return new Uint8Array();
    return this.#added.has(id) ? new TextEncoder().encode(piece) : this.#pieceBytes(piece);
  }
}

/**
 * Builds the library's tokenizer, then empties the vocabulary and the merges it was built from: the library keeps a
 * reference to them beside its own tables, which are as large.
 */
function buildTokenizer(definition: JsonObject, config: JsonObject): LibraryTokenizer {
  if (!isJsonObject(definition.model)) return new LibraryTokenizer(definition, config);
  const { vocab, merges, ...model } = definition.model;
  // The library would split merges of the older form, "a b", into a list of its own, which could not be emptied here.
  const pairs =
    Array.isArray(merges) &&
    merges.map((pair: unknown) => (typeof pair === 'string' ? pair.split(' ', 2) : pair));
  const source: Record<string, unknown> = { ...model, vocab, ...(pairs && { merges: pairs }) };
  const tokenizer = new LibraryTokenizer({ ...definition, model: source }, config);
  if (pairs) pairs.length = 0;
  source.vocab = {};
  return tokenizer;
}

/** Some exports do not declare the marks of turns special: `<|im_end|>`. */
const looksSpecial = (text: string) => /^<\|.*\|>$/.test(text);

/** Has the library take marks (literal-text.ts) out of what it has cut at special tokens, before it reads it. */
function readMarks(library: LibraryTokenizer): void {
  const own = library.pre_tokenizer;
  const read = (text: string, options?: object) => {
    const plain = withoutMarks(text);
    return own === null
      ? [plain]
      : (own as unknown as (text: string, options?: object) => string[])(plain, options);
  };
  library.pre_tokenizer = read as unknown as typeof own;
}

/** The added tokens of `tokenizer.json`, and those that only `tokenizer_config.json` has. */
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
 * @param directory holds `tokenizer.json` and, in most models, `tokenizer_config.json`
 * @param encodeInBackground becomes the tokenizer's method of that name; `loadTokenizer` gives one
 * @throws Error naming the file that is missing or not a tokenizer
 */
export async function readTokenizer(
  directory: string,
  encodeInBackground?: Tokenizer['encodeInBackground'],
): Promise<Tokenizer> {
  const definition = await readJsonObject(directory, 'tokenizer.json');
  if (definition === null) throw new Error(`${directory} has no tokenizer.json`);
  const config = (await readJsonObject(directory, 'tokenizer_config.json')) ?? {};
  const parts = { normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null };
  try {
    return new HuggingFaceTokenizer(
      { ...parts, ...definition, added_tokens: mergeAddedTokens(definition, config) },
      config,
      encodeInBackground,
    );
  } catch (error) {
    throw new Error(
      `${join(directory, 'tokenizer.json')} is not a tokenizer we can read: ${(error as Error).message}`,
    );
  }
}
