/** Text or messages to token ids and where they stand, and ids to text: what /tokenize and /detokenize answer. */
import { errors } from '../errors.js';
import type { LoadedModel } from '../models/model.js';
import type { DetokenizeRequest, Tokenized, TokenizeRequest } from '../schemas/tokenize.js';
import { IncrementalDetokenizer } from '../text/detokenizer.js';
import { encodeText, leastTokens, type Tokenizer } from '../text/tokenizer.js';
import { plainMessage, wellFormed } from './prompt.js';

/** Texts of up to that many contexts are tokenized: clients may count more than a prompt can hold. */
const contexts = 4;

/** @throws SteerdError invalid_value, context_length_exceeded, chat_template_missing */
export async function tokenize(body: TokenizeRequest, model: LoadedModel): Promise<Tokenized> {
  const { capacity } = model.engine.shape;
  const text = textOf(body, model);
  const limit = contexts * capacity;
  const least = Math.max(leastTokens(model.tokenizer, text), Math.ceil(text.length / 64));
  if (least > limit) throw errors.promptTooLong(fieldOf(body), text.length, 64 * limit, capacity);
  const addSpecialTokens = body.add_special_tokens ?? body.prompt !== undefined;
  const tokens = await encodeText(model.tokenizer, text, { addSpecialTokens });
  return {
    count: tokens.length,
    max_model_len: capacity,
    tokens,
    ...(body.return_token_strs && {
      token_strs: tokens.map((token) => model.tokenizer.decode([token], { skipSpecialTokens: false })),
    }),
    ...(body.return_offsets && { offsets: offsetsOf(text, tokens, model.tokenizer) }),
  };
}

const fieldOf = (body: TokenizeRequest) => (body.prompt === undefined ? 'messages' : 'prompt');

function textOf(body: TokenizeRequest, model: LoadedModel): string {
  for (const field of ['chat_template', 'continue_final_message', 'tools']) {
    const value = body[field];
    if (value !== undefined && value !== null && value !== false) {
      throw errors.notSupported(field, "leave it out: messages are rendered by the model's own template");
    }
  }
  const { prompt, messages } = body;
  if ((prompt === undefined) === (messages === undefined)) {
    throw errors.invalidRequest('exactly one of prompt and messages must be given.', 'prompt');
  }
  if (messages === undefined) return wellFormed(prompt ?? '');
  if (model.chatTemplate === null) throw errors.chatTemplateMissing('messages', model.id);
  // A template walks every message on this thread: some 50 us each.
  const { capacity } = model.engine.shape;
  if (messages.length > capacity) throw errors.tooManyMessages('messages', messages.length, capacity);
  const plain = messages.map(plainMessage);
  return model.chatTemplate.render(plain, { addGenerationPrompt: body.add_generation_prompt ?? true });
}

/**
 * [start, end) of each token in Unicode characters of the text. A token that ends inside a character is empty, and
 * the one that completes it has it; special tokens that are not in the text are empty too.
 */
function offsetsOf(text: string, tokens: readonly number[], tokenizer: Tokenizer): [number, number][] {
  const detokenizer = new IncrementalDetokenizer(tokenizer);
  let units = 0;
  let characters = 0;
  return tokens.map((token) => {
    const special = tokenizer.isSpecial(token);
    const piece = special ? tokenizer.decode([token], { skipSpecialTokens: false }) : detokenizer.push(token);
    const start = characters;
    if (!special || text.startsWith(piece, units)) {
      units += piece.length;
      characters += [...piece].length;
    }
    return [start, characters];
  });
}

/** @throws SteerdError token_out_of_range */
export function detokenize(body: DetokenizeRequest, { tokenizer, engine }: LoadedModel): string {
  const { vocabularySize } = engine.shape;
  const bad = body.tokens.find((token) => token < 0 || token >= vocabularySize);
  if (bad !== undefined) throw errors.tokenOutOfRange('tokens', bad, vocabularySize);
  return tokenizer.decode(body.tokens, { skipSpecialTokens: body.skip_special_tokens ?? false });
}
