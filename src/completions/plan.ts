/**
 * What a completion request comes down to: sequences for the engine. Everything that can be wrong with a
 * request is found here, before a token is made or a byte is sent.
 */

import { newId, unixSeconds } from '../common/stamps.js';
import type { ModelsAndConcepts } from '../concepts/concept-lookup.js';
import type { SequenceRequest } from '../engine/protocol.js';
import { errors } from '../errors.js';
import type { LoadedModel } from '../models/model.js';
import { ChatRequest } from '../schemas/chat.js';
import { CompletionRequest } from '../schemas/completions.js';
import type { GenerationOptions } from '../schemas/generation.js';
import type { MonitorItem } from '../schemas/monitor.js';
import type { SteeringReceipt } from '../schemas/steering.js';
import { checkLayerValues, type Monitor, resolveMonitors } from '../steering/monitor.js';
import { type AskedSteering, askedSteering, resolveSteering } from '../steering/resolve.js';
import { chatConstraint, chatLogprobCount, echoedMessage, promptOptions } from './chat-fields.js';
import { type Constraint, formatConstraint } from './constraint.js';
import { type NamedModel, namedModel } from './model-alias.js';
import { answerLength, chatPrompt, checkTokens, textPrompts } from './prompt.js';
import { refuseSilentNoOps } from './refusals.js';
import { seedOfChoice, toSampling } from './sampling.js';
import { logprobsWanted, promptLogprobCount, tokensBarred } from './token-fields.js';

/** Prompts times choices of one request. */
const maxSequences = 256;
const usualCompletionTokens = 16;

export interface CompletionPlan {
  /** Of the reply: `chatcmpl-...` or `cmpl-...`. */
  readonly id: string;
  /** Unix seconds. */
  readonly created: number;
  readonly model: LoadedModel;
  /** One per choice of the reply, in the order of their index. */
  readonly sequences: readonly SequenceRequest[];
  /** Each prompt counted once, however many choices it has. */
  readonly promptTokens: number;
  /** Strings that end an answer. */
  readonly stop: readonly string[];
  /** The name that the request gave the model, or its id. */
  readonly modelName: string;
  /** Keep the stop string. */
  readonly stopIncluded: boolean;
  /** Empty when nothing steers, and when the choices have receipts of their own. */
  readonly receipts: readonly SteeringReceipt[];
  /** Of each choice, when the request compares alternatives. */
  readonly choiceReceipts: readonly (readonly SteeringReceipt[])[] | null;
  /** Likeliest tokens shown beside each token's log-probability; null when none are asked for. */
  readonly logprobs: number | null;
  /** Choices begin with their prompts. */
  readonly echo: boolean;
  /** What answers begin with: the message that they go on with, when it is echoed. */
  readonly prefix: string;
  readonly skipSpecialTokens: boolean;
  readonly returnTokenIds: boolean;
  /** Likeliest tokens shown at each of the prompt's; null when none are asked for. */
  readonly promptLogprobs: number | null;
  /** Choices are their prompts: nothing is made. */
  readonly promptOnly: boolean;
  /** Answers may hold tool calls. */
  readonly callsTools: boolean;
  /** Empty when nothing is monitored. */
  readonly monitors: readonly Monitor[];
  /** The answers go on with the prompts' text; a chat's answers stand alone. */
  readonly continues: boolean;
  readonly stream: boolean;
  /** A stream ends with a chunk that has the usage. */
  readonly includeUsage: boolean;
}

const chatFields = Object.keys(ChatRequest.shape);
const completionFields = Object.keys(CompletionRequest.shape);

/**
 * @param signal ends the waiting for a model that is loading
 * @throws SteerdError whatever is wrong with the request
 */
export async function planChat(
  body: ChatRequest,
  services: ModelsAndConcepts,
  signal?: AbortSignal,
): Promise<CompletionPlan> {
  refuseSilentNoOps(body, chatFields);
  const named = await namedModel(body.model ?? undefined, services.models, signal);
  const { model } = named;
  const draft: Draft = {
    ...draftOf(body, named),
    kind: 'chatcmpl',
    field: 'messages',
    asked: body.max_completion_tokens ?? body.max_tokens ?? undefined,
    usual: model.engine.shape.capacity,
    logprobs: chatLogprobCount(body),
    continues: body.continue_final_message ?? false,
    echo: false,
    prefix: echoedMessage(body),
    constraint: chatConstraint(body),
  };
  return complete(draft, [await chatPrompt(model, body.messages, promptOptions(body))], services);
}

/** The same for a text completion. */
export async function planCompletion(
  body: CompletionRequest,
  services: ModelsAndConcepts,
  signal?: AbortSignal,
): Promise<CompletionPlan> {
  refuseSilentNoOps(body, completionFields);
  const named = await namedModel(body.model ?? undefined, services.models, signal);
  const draft: Draft = {
    ...draftOf(body, named),
    kind: 'cmpl',
    field: 'prompt',
    asked: body.max_tokens ?? undefined,
    usual: usualCompletionTokens,
    logprobs: body.logprobs ?? null,
    continues: true,
    echo: body.echo ?? false,
    prefix: '',
    constraint: formatConstraint(body),
  };
  if (draft.asked === 0 && !draft.echo) {
    throw errors.invalidValue('max_tokens', 'at least 1 without echo', 0);
  }
  const most = Math.max(1, Math.floor(maxSequences / draft.choices));
  return complete(draft, await textPrompts(named.model, body.prompt, most), services);
}

/** A request before its prompts are known as tokens. */
interface Draft {
  readonly kind: 'chatcmpl' | 'cmpl';
  /** The field that holds the prompt. */
  readonly field: string;
  readonly model: LoadedModel;
  readonly modelName: string;
  readonly body: GenerationOptions;
  readonly steering: AskedSteering;
  readonly monitor: readonly MonitorItem[];
  /** To each prompt, over all alternatives. */
  readonly choices: number;
  /** Tokens of the answer that the request wants at most, and how many there are if it does not say. */
  readonly asked: number | undefined;
  readonly usual: number;
  readonly logprobs: number | null;
  readonly continues: boolean;
  readonly echo: boolean;
  readonly prefix: string;
  readonly constraint: Constraint | null;
}

type Body = GenerationOptions &
  Parameters<typeof askedSteering>[0] & { monitor?: MonitorItem[] | null | undefined };

function draftOf(body: Body, { model, name, steering: alias }: NamedModel) {
  const steering = askedSteering(body, alias);
  return {
    model,
    modelName: name,
    body,
    steering,
    monitor: body.monitor ?? [],
    choices: choiceCount(body, steering, model),
  };
}

/** More than the slots could never run together. */
function choiceCount(
  { n }: GenerationOptions,
  { alternatives }: AskedSteering,
  { engine }: LoadedModel,
): number {
  const { slots } = engine.shape;
  const count = n ?? 1;
  if (count > slots) throw errors.invalidValue('n', `at most ${slots}, the slots of this server`, count);
  const all = count * alternatives.length;
  if (all > slots) {
    throw errors.invalidRequest(
      `steering.choices times n must be at most ${slots}, the slots of this server; received ${alternatives.length} times ${count}.`,
      'steering.choices',
    );
  }
  return all;
}

/** Sequences of one request with what is told of them, in the order of the choices. */
function complete(
  draft: Draft,
  prompts: readonly (readonly number[])[],
  { concepts }: ModelsAndConcepts,
): CompletionPlan {
  const { model, body, logprobs, echo } = draft;
  const { shape } = model.engine;
  const sampling = toSampling(body, shape);
  checkTokens('stop_token_ids', body.stop_token_ids ?? [], shape);
  const stopTokens = [...(body.ignore_eos ? [] : model.stopTokens), ...(body.stop_token_ids ?? [])];
  const promptOnly = draft.asked === 0;
  const promptLogprobs = promptLogprobCount(body);
  const monitors = resolveMonitors(draft.monitor, { model: { id: model.id, shape }, concepts });
  const details = {
    ...(monitors.length === 0 ? {} : { monitor: monitors.map(({ vectors }): Float32Array => vectors) }),
    ...logprobsWanted(logprobs, promptLogprobs, echo),
    ...tokensBarred(draft),
    ...draft.constraint,
  };
  const choices = prompts.flatMap((prompt, i) => {
    const field = prompts.length > 1 ? `${draft.field}.${i}` : draft.field;
    // The engine makes one token at least: it is dropped where none is wanted.
    const maxTokens = answerLength(field, prompt.length, shape, promptOnly ? 1 : draft.asked, draft.usual);
    const minTokens = body.min_tokens ?? 0;
    if (minTokens > maxTokens) {
      throw errors.invalidValue('min_tokens', `at most the answer's length (${maxTokens})`, minTokens);
    }
    return draft.steering.alternatives.flatMap((items, a) => {
      const { edit, receipts } = resolveSteering(items, {
        model: { id: model.id, shape },
        concepts,
        promptLength: prompt.length,
        ...(draft.steering.compared ? { field: `steering.choices.${a}` } : {}),
      });
      return Array.from({ length: body.n ?? 1 }, (_, choice) => {
        const seed = seedOfChoice(sampling.seed, choice);
        const request: SequenceRequest = {
          prompt,
          maxTokens,
          stopTokens,
          minTokens,
          sampling: { ...sampling, seed },
          edit,
          ...details,
          priority: 'interactive',
        };
        return { request, receipts };
      });
    });
  });
  const mostTokens = choices.reduce((sum, { request }) => sum + request.maxTokens, 0);
  checkLayerValues(monitors, mostTokens, 'monitor', 'lower max_tokens, n or the number of layers');
  const { compared } = draft.steering;
  return {
    id: newId(draft.kind),
    created: unixSeconds(),
    model,
    modelName: draft.modelName,
    sequences: choices.map(({ request }) => request),
    promptTokens: prompts.reduce((sum, prompt) => sum + prompt.length, 0),
    stop: stopStrings(body),
    stopIncluded: body.include_stop_str_in_output ?? false,
    receipts: compared ? [] : (choices[0]?.receipts ?? []),
    choiceReceipts: compared ? choices.map(({ receipts }) => receipts) : null,
    monitors,
    logprobs,
    echo,
    prefix: draft.prefix,
    skipSpecialTokens: body.skip_special_tokens ?? true,
    returnTokenIds: body.return_token_ids ?? false,
    promptLogprobs,
    promptOnly,
    callsTools: draft.constraint?.constraintField === 'tools',
    continues: draft.continues,
    stream: body.stream ?? false,
    includeUsage: includesUsage(body),
  };
}

function stopStrings({ stop }: GenerationOptions): readonly string[] {
  if (stop === null || stop === undefined) return [];
  return typeof stop === 'string' ? [stop] : stop;
}

function includesUsage({ stream, stream_options }: GenerationOptions): boolean {
  if (stream_options === null || stream_options === undefined) return false;
  if (!stream) {
    throw errors.invalidRequest('stream_options must be left out unless stream is true.', 'stream_options');
  }
  return stream_options.include_usage ?? false;
}
