/**
 * What a completion is asked for, whichever endpoint it comes to: chat, text completions and responses each parse their
 * body into this (chat-request.ts, text-request.ts, response-request.ts), and all that follows is the same for the three.
 * It holds what the body alone says: nothing is known of the model yet. Below it, how the fields that the three bodies
 * have in common are parsed.
 */
import { randomInt } from 'node:crypto';
import type { Sampling } from '../engine/protocol.js';
import { errors } from '../errors.js';
import type { ChatMessage } from '../schemas/chat.js';
import type { CompletionRequest } from '../schemas/completions.js';
import type { GenerationOptions } from '../schemas/generation.js';
import type { MonitorItem } from '../schemas/monitor.js';
import type { SteeringBody } from '../schemas/steering.js';
import type { Tool } from '../schemas/tools.js';
import type { Constraint } from './constraint.js';
import type { AskedCalls } from './tools.js';
import type { Truncation } from './truncation.js';

export interface NeutralRequest {
  readonly fields: FieldNames;
  readonly prompt: AskedPrompt;
  readonly answer: AskedAnswer;
  readonly reply: AskedReply;
}

/** The endpoint's own names of the fields that errors name. */
interface FieldNames {
  readonly prompt: 'messages' | 'prompt' | 'input';
  readonly maxTokens: 'max_tokens' | 'max_output_tokens';
  readonly format: 'response_format' | 'text.format';
}

type AskedPrompt = {
  /** Of a model, perhaps with an alias; the server's default one when left out. */
  readonly model: string | undefined;
  readonly truncation?: Truncation | undefined;
} & (
  | { readonly kind: 'text'; readonly texts: CompletionRequest['prompt']; readonly specialTokens?: boolean }
  | ({ readonly kind: 'chat' } & Conversation)
);

export interface Conversation {
  readonly messages: readonly ChatMessage[];
  readonly ends: ConversationEnd;
  /** Those that the model is told of. */
  readonly tools: readonly Tool[];
  /** More of the template's variables. */
  readonly variables: Readonly<Record<string, unknown>>;
  /** Whether special tokens that messages spell out are those tokens; by default they are text. */
  readonly parseSpecial?: boolean;
}

/**
 * Where the prompt of a conversation ends: after what the template puts before an answer (its generation prompt), after
 * the last message, or within that message, which the answer goes on with.
 */
export type ConversationEnd = 'generation-prompt' | 'last-message' | 'within-last-message';

interface AskedAnswer {
  /** Answers to each prompt under each steering. */
  readonly n: number;
  /** `usual` applies to a request that does not ask, as far as there is room; null leaves it to the model's settings. */
  readonly maxTokens: { readonly asked: number | undefined; readonly usual: number | null };
  /** Whether an answer that would be longer than the context has room for is cut, or refused. */
  readonly overflow: 'cut' | 'error';
  readonly minTokens: number;
  readonly sampling: AskedSampling;
  /** By token id. */
  readonly logitBias: Readonly<Record<string, number>>;
  /** No other token may come; null for all. */
  readonly allowedTokens: readonly number[] | null;
  readonly badWords: readonly string[];
  readonly stop: AskedStop;
  /** The form of the whole answer; beside calls, of an answer that is none. */
  readonly constraint: Constraint | null;
  /** Calls of tools that the answer may have. */
  readonly calls: AskedCalls | null;
  readonly steering: SteeringBody;
  readonly monitor: readonly MonitorItem[];
  /** How many likeliest tokens are reported beside each of the answer's; null without log-probabilities. */
  readonly logprobs: number | null;
  /** The same of the prompt's tokens. */
  readonly promptLogprobs: number | null;
}

/** Undefined where the request says nothing and the model's own settings apply. */
export type AskedSampling = Pick<Sampling, 'presencePenalty' | 'frequencyPenalty' | 'seed'> & {
  readonly [Name in 'temperature' | 'topP' | 'topK' | 'minP' | 'repetitionPenalty']: number | undefined;
};

interface AskedStop {
  readonly strings: readonly string[];
  /** Whether the answer has the stop string that ended it. */
  readonly keepString: boolean;
  readonly tokens: readonly number[];
  /** Whether the model's own end tokens end an answer. */
  readonly atEndTokens: boolean;
}

interface AskedReply {
  /** Of the reply: `chatcmpl-...`, `cmpl-...`, `resp_...`. */
  readonly id: string;
  /** Null for one JSON object; else whether the stream ends with the usage, or has it in every chunk. */
  readonly stream: { readonly usage: boolean | 'every chunk' } | null;
  readonly echo: Echo;
  /** Whether receipts tell the numbers of every layer. */
  readonly fullReceipts: boolean;
  /** Where the reasoning of a model that reasons goes: apart from the text, nowhere, or where it is. */
  readonly reasoning: 'apart' | 'omitted' | 'inline';
  /** Whether a call is told as OpenAI's older `function_call`. */
  readonly functionCalls?: boolean;
  readonly skipSpecialTokens: boolean;
  /** The ids of the prompt's tokens and the answer's too. */
  readonly tokenIds: boolean;
  /** Whether tokens of log-probabilities are named by their ids. */
  readonly namesById?: boolean;
}

/** What stands before each answer: nothing, a message, or its prompt, which may be all there is. */
export type Echo =
  | { readonly kind: 'nothing' | 'prompt' | 'prompt-only' }
  | { readonly kind: 'message'; readonly text: string };

/** Fields that the Responses API does not have. */
type CompletionsOnly = 'n' | 'max_tokens' | 'stream_options' | 'prompt_logprobs' | 'return_token_ids';

type CommonBody = Omit<GenerationOptions, CompletionsOnly> & {
  readonly monitor?: readonly MonitorItem[] | null | undefined;
};

/** The parts of the answer that all three endpoints ask for with the same fields. */
export function commonAnswer(body: CommonBody) {
  const { stop } = body;
  return {
    overflow: body.max_tokens_overflow ?? 'cut',
    minTokens: body.min_tokens ?? 0,
    sampling: {
      temperature: body.temperature ?? undefined,
      topP: body.top_p ?? undefined,
      topK: typeof body.top_k === 'number' ? Math.max(0, body.top_k) : undefined,
      minP: body.min_p ?? undefined,
      repetitionPenalty: body.repetition_penalty ?? undefined,
      presencePenalty: body.presence_penalty ?? 0,
      frequencyPenalty: body.frequency_penalty ?? 0,
      seed: typeof body.seed === 'number' ? foldSeed(body.seed) : randomInt(2 ** 32),
    },
    logitBias: body.logit_bias ?? {},
    allowedTokens: body.allowed_token_ids ?? null,
    badWords: body.bad_words ?? [],
    stop: {
      strings: typeof stop === 'string' ? [stop] : (stop ?? []),
      keepString: body.include_stop_str_in_output ?? false,
      tokens: body.stop_token_ids ?? [],
      atEndTokens: !body.ignore_eos,
    },
    monitor: body.monitor ?? [],
  } satisfies Partial<AskedAnswer>;
}

/** Any 64-bit seed as an unsigned 32-bit one; those that fit already stay as they are. */
function foldSeed(seed: number): number {
  const bits = BigInt.asUintN(64, BigInt(seed));
  return Number(BigInt.asUintN(32, bits ^ (bits >> 32n)));
}

/**
 * Null for a reply that is no stream.
 * @throws SteerdError invalid_value for options of a stream without one
 */
export function askedStream({ stream, stream_options }: GenerationOptions): AskedReply['stream'] {
  if (stream) {
    const usage = stream_options?.include_usage ?? false;
    return { usage: usage && stream_options?.continuous_usage_stats ? 'every chunk' : usage };
  }
  if (stream_options === null || stream_options === undefined) return null;
  throw errors.invalidRequest('stream_options must be left out unless stream is true.', 'stream_options');
}

/** @throws SteerdError invalid_value with `stream`, whose chunks have no place for them */
export function askedPromptLogprobs({ prompt_logprobs, stream }: GenerationOptions): number | null {
  if (typeof prompt_logprobs !== 'number') return null;
  if (stream) throw errors.invalidRequest('prompt_logprobs must be left out with stream.', 'prompt_logprobs');
  return prompt_logprobs;
}
