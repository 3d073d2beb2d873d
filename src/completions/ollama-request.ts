/** Bodies of Ollama's API as neutral requests, by way of a chat's or a text completion's. */
import { errors } from '../errors.js';
import { noLimit } from '../schemas/as-sent.js';
import { ChatRequest } from '../schemas/chat.js';
import { CompletionRequest } from '../schemas/completions.js';
import { OllamaChatRequest, OllamaGenerateRequest, type OllamaOptions } from '../schemas/ollama.js';
import { validated } from '../schemas/validation.js';
import { chatRequest } from './chat-request.js';
import type { NeutralRequest } from './neutral-request.js';
import { inOwnWords, type Words } from './own-words.js';
import { textRequest } from './text-request.js';
import { refuseUnsupported } from './unsupported-fields.js';

/** Ollama writes a model's name with a tag; ours have none. */
export const withoutTag = (name: string | null | undefined): string | undefined =>
  name?.replace(/:latest(?=@|$)/, '') ?? undefined;

/** How Ollama would run a model, and words of its sampling that mean nothing alone. */
const ofTheRunner = new Set([
  ...['num_ctx', 'num_keep', 'num_batch', 'num_gpu', 'main_gpu', 'num_thread', 'numa', 'low_vram'],
  ...['use_mmap', 'use_mlock', 'vocab_only', 'f16_kv', 'logits_all', 'penalize_newline'],
]);
/** Options that a completion calls by the same names. */
const sameNames = [
  ...['temperature', 'top_k', 'top_p', 'min_p'],
  ...['presence_penalty', 'frequency_penalty', 'seed', 'stop'],
];
const steeringNames = ['concept', 'strength', 'steering', 'monitor', 'receipt'] as const;
/** Fields of the body itself, which are read here. */
const own = new Set(['options', 'format', 'keep_alive', 'think', 'stream', 'model', 'images', 'context']);

/** What the others call otherwise. */
const words: Words = [
  [/^max_tokens$/, 'options.num_predict'],
  [/^repetition_penalty$/, 'options.repeat_penalty'],
  [new RegExp(`^(?:${sameNames.join('|')})(?=\\.|$)`), 'options.$&'],
  [/^response_format(?:\.json_schema\.schema)?/, 'format'],
];

type Steered = Pick<ChatRequest, 'concept' | 'strength' | 'steering' | 'monitor' | 'receipt'>;

/** @throws SteerdError for what is wrong with the body whatever the model */
export function ollamaChat(body: OllamaChatRequest): NeutralRequest {
  refuseUnread(body, Object.keys(OllamaChatRequest.shape));
  const messages = (body.messages ?? []).map(({ images: _, tool_name: __, ...message }) => message);
  const { tools } = body;
  const asked = { ...common(body), messages, ...(Array.isArray(tools) && tools.length > 0 && { tools }) };
  return inOwnWords(words, () => chatRequest({ ...validated(ChatRequest, asked), ...steeringOf(body) }));
}

/** @throws SteerdError for what is wrong with the body whatever the model */
export function ollamaGenerate(body: OllamaGenerateRequest): NeutralRequest {
  refuseUnread(body, Object.keys(OllamaGenerateRequest.shape));
  for (const [field, instead] of [
    ['suffix', 'the models here go on with a text, they do not fill in'],
    ['template', 'leave it out, or send raw: true'],
  ] as const)
    if (body[field]) throw errors.notSupported(field, instead);
  const { prompt, system, raw } = body;
  if (raw) {
    const asked = { max_tokens: noLimit, ...common(body), prompt: prompt ?? '' };
    return inOwnWords(words, () =>
      textRequest({ ...validated(CompletionRequest, asked), ...steeringOf(body) }),
    );
  }
  const messages = [
    ...(system ? [{ role: 'system', content: system }] : []),
    { role: 'user', content: prompt ?? '' },
  ];
  const asked = { ...common(body), messages };
  return inOwnWords(words, () => chatRequest({ ...validated(ChatRequest, asked), ...steeringOf(body) }));
}

function refuseUnread(body: Readonly<Record<string, unknown>>, known: readonly string[]): void {
  refuseUnsupported(body, [...known, ...own]);
  const options = (body.options ?? {}) as Readonly<Record<string, unknown>>;
  refuseUnsupported({ ...options, repetition_penalty: options.repeat_penalty }, [
    ...[...ofTheRunner, 'num_predict', 'repeat_penalty'],
    ...[...sameNames, 'repetition_penalty', ...steeringNames],
  ]);
}

function common(body: OllamaChatRequest | OllamaGenerateRequest): object {
  const { options, format, think } = body;
  const { num_predict: most, repeat_penalty, ...rest } = { ...(options ?? {}) } as OllamaOptions;
  return {
    ...Object.fromEntries(sameNames.map((name) => [name, rest[name]])),
    model: withoutTag(body.model),
    repetition_penalty: repeat_penalty,
    ...(typeof most === 'number' && { max_tokens: most >= 0 ? most : noLimit }),
    // Whole replies are put together from the same pieces.
    stream: true,
    stream_options: { include_usage: true },
    ...(format && {
      response_format:
        format === 'json'
          ? { type: 'json_object' }
          : { type: 'json_schema', json_schema: { schema: format } },
    }),
    ...(think !== null &&
      think !== undefined && { chat_template_kwargs: { enable_thinking: think !== false } }),
  };
}

/** Of the body, or of its options. */
function steeringOf(body: OllamaChatRequest | OllamaGenerateRequest): Steered {
  const { options } = body;
  const asked = steeringNames.some((name) => body[name] !== undefined && body[name] !== null);
  const inner = Object.fromEntries(steeringNames.map((name) => [name, options?.[name]]));
  const { concept, strength, steering, monitor, receipt }: Steered = asked
    ? body
    : validated(ChatRequest, { messages: [{ role: 'user', content: '' }], ...inner });
  return { concept, strength, steering, monitor, receipt };
}
