/** Text or messages to token ids and where they stand, and ids to text: what /tokenize and /detokenize answer. */
import type { ModelsAndConcepts } from '../concepts/concept-lookup.js';
import { errors } from '../errors.js';
import type { LoadedModel } from '../models/model.js';
import type { DetokenizeRequest, Tokenized, TokenizeRequest, TokenizerInfo } from '../schemas/tokenize.js';
import { IncrementalDetokenizer } from '../text/detokenizer.js';
import { readJsonObject, readTextFile } from '../text/json-file.js';
import { withoutMarks } from '../text/literal-text.js';
import { namedSpecialTokens } from '../text/special-tokens.js';
import { encodeText, leastTokens, literalText, type Tokenizer } from '../text/tokenizer.js';
import { conversationEnd } from './chat-request.js';
import { namedModel } from './model-alias.js';
import type { NeutralRequest } from './neutral-request.js';
import { chatPromptText, encodePrompts } from './prompt.js';
import { wellFormed } from './template-messages.js';

/** Texts of up to that many contexts are tokenized: clients may count more than a prompt can hold. */
const contexts = 4;

/** @throws SteerdError invalid_value, context_length_exceeded, chat_template_missing */
export async function tokenize(body: TokenizeRequest, model: LoadedModel): Promise<Tokenized> {
  const { tokenizer } = model;
  const { capacity } = model.engine.shape;
  const { text, field, isText } = textOf(body, model);
  const limit = contexts * capacity;
  const least = Math.max(leastTokens(tokenizer, text), Math.ceil(text.length / 64));
  if (least > limit) throw errors.promptTooLong(field, text.length, 64 * limit, capacity);
  const addSpecialTokens = body.add_special_tokens ?? body.add_special ?? (isText && field === 'prompt');
  const tokens = await encodeText(tokenizer, text, { addSpecialTokens });
  const decoded = (token: number) => tokenizer.decode([token], { skipSpecialTokens: false });
  return {
    count: tokens.length,
    max_model_len: capacity,
    tokens: body.with_pieces ? tokens.map((id) => ({ id, piece: decoded(id) })) : tokens,
    ...(body.return_token_strs && {
      token_strs: tokens.map((token) => tokenizer.piece?.(token) ?? decoded(token)),
    }),
    ...(body.return_offsets && { offsets: offsetsOf(withoutMarks(text), tokens, tokenizer) }),
  };
}

/** The text to be encoded, the field it comes from, and whether it is a text rather than messages. */
function textOf(
  body: TokenizeRequest,
  model: LoadedModel,
): { readonly text: string; readonly field: 'prompt' | 'content' | 'messages'; readonly isText: boolean } {
  const { chat_template } = body;
  if (chat_template !== undefined && chat_template !== null) {
    throw errors.notSupported(
      'chat_template',
      "leave it out: messages are rendered by the model's own template",
    );
  }
  const given = (['prompt', 'content', 'messages'] as const).filter(
    (name) => typeof body[name] !== 'undefined' && body[name] !== null,
  );
  const [field] = given;
  if (field === undefined || given.length > 1) {
    throw errors.invalidRequest('exactly one of prompt (or content) and messages must be given.', 'prompt');
  }
  if (field !== 'messages') {
    const whole = wellFormed(body[field] ?? '');
    const text = (body.parse_special ?? true) ? whole : literalText(model.tokenizer, whole);
    return { text, field, isText: true };
  }
  const { add_generation_prompt, continue_final_message } = body;
  const options = {
    ends: conversationEnd({ add_generation_prompt, continue_final_message }),
    tools: body.tools ?? [],
    variables: body.chat_template_kwargs ?? {},
    parseSpecial: body.parse_special ?? false,
  };
  const text = chatPromptText(model, body.messages ?? [], options, 'messages');
  return { text, field, isText: false };
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

/** Parts of a tokenizer_config.json that repeat the vocabulary. */
const large = new Set(['added_tokens_decoder']);

/** What /tokenizer_info says: the model's tokenizer_config.json, and how the model is served. */
export async function tokenizerInfo({ directory, tokenizer, engine }: LoadedModel): Promise<TokenizerInfo> {
  const config = (await readJsonObject(directory, 'tokenizer_config.json')) ?? {};
  const kept = Object.fromEntries(Object.entries(config).filter(([key]) => !large.has(key)));
  // Clients read the text of a token, whichever way the file has it.
  const own: Record<string, unknown> = { ...kept, ...namedSpecialTokens(config) };
  const file = await readTextFile(directory, 'chat_template.jinja');
  const configured = typeof config.chat_template === 'string' ? config.chat_template : null;
  return {
    ...own,
    tokenizer_class:
      typeof own.tokenizer_class === 'string' ? own.tokenizer_class : 'PreTrainedTokenizerFast',
    vocab_size: tokenizer.vocabularySize,
    model_max_length: engine.shape.capacity,
    chat_template: file ?? configured,
  };
}

/** Tokens of a request's prompt. @throws SteerdError as planCompletion does for the prompt */
export async function countPromptTokens(
  request: NeutralRequest,
  { models }: Pick<ModelsAndConcepts, 'models'>,
  signal: AbortSignal,
): Promise<number> {
  const { model } = await namedModel(request.prompt.model, models, signal);
  const prompts = await encodePrompts(request, model, 1);
  return prompts.reduce((sum, { length }) => sum + length, 0);
}
