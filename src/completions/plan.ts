/**
 * What a completion request comes down to: sequences for the engine. Everything that can be wrong with a
 * request is found here, before a token is made or a byte is sent.
 */
import { randomBytes } from 'node:crypto';
import type { SequenceRequest } from '../engine/protocol.js';
import { errors } from '../errors.js';
import type { LoadedModel } from '../models/model.js';
import { ChatRequest } from '../schemas/chat.js';
import { CompletionRequest } from '../schemas/completions.js';
import type { GenerationOptions } from '../schemas/generation.js';
import type { MonitorItem } from '../schemas/monitor.js';
import { type SteeringItem, type SteeringReceipt, steeringItems } from '../schemas/steering.js';
import type { Services } from '../services.js';
import { checkLayerValues, type Monitor, resolveMonitors } from '../steering/monitor.js';
import { resolveSteering } from '../steering/resolve.js';
import { answerLength, chatPrompt, checkTokens, textPrompts } from './prompt.js';
import { refuseSilentNoOps } from './refusals.js';
import { seedOfChoice, toSampling } from './sampling.js';

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
  /** Empty when nothing steers. */
  readonly receipts: readonly SteeringReceipt[];
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

type Needs = Pick<Services, 'models' | 'concepts'>;

/** @throws SteerdError whatever is wrong with the request */
export async function planChat(body: ChatRequest, services: Needs): Promise<CompletionPlan> {
  refuseSilentNoOps(body, chatFields);
  const model = services.models.get(body.model ?? undefined);
  const draft: Draft = {
    kind: 'chatcmpl',
    field: 'messages',
    model,
    body,
    steering: steeringItems(body),
    monitor: body.monitor ?? [],
    choices: choiceCount(body, model),
    asked: body.max_completion_tokens ?? body.max_tokens ?? undefined,
    usual: model.engine.shape.capacity,
  };
  return complete(draft, [await chatPrompt(model, body.messages)], services);
}

/** @throws SteerdError whatever is wrong with the request */
export async function planCompletion(body: CompletionRequest, services: Needs): Promise<CompletionPlan> {
  refuseSilentNoOps(body, completionFields);
  const model = services.models.get(body.model ?? undefined);
  const draft: Draft = {
    kind: 'cmpl',
    field: 'prompt',
    model,
    body,
    steering: steeringItems(body),
    monitor: body.monitor ?? [],
    choices: choiceCount(body, model),
    asked: body.max_tokens ?? undefined,
    usual: usualCompletionTokens,
  };
  const most = Math.max(1, Math.floor(maxSequences / draft.choices));
  return complete(draft, await textPrompts(model, body.prompt, most), services);
}

/** A request before its prompts are known as tokens. */
interface Draft {
  readonly kind: 'chatcmpl' | 'cmpl';
  /** The field that holds the prompt. */
  readonly field: string;
  readonly model: LoadedModel;
  readonly body: GenerationOptions;
  readonly steering: readonly SteeringItem[];
  readonly monitor: readonly MonitorItem[];
  /** To each prompt. */
  readonly choices: number;
  /** Tokens of the answer that the request wants at most, and how many there are if it does not say. */
  readonly asked: number | undefined;
  readonly usual: number;
}

/** More than the slots could never run together. */
function choiceCount({ n }: GenerationOptions, { engine }: LoadedModel): number {
  const { slots } = engine.shape;
  const count = n ?? 1;
  if (count > slots) throw errors.invalidValue('n', `at most ${slots}, the slots of this server`, count);
  return count;
}

function complete(
  draft: Draft,
  prompts: readonly (readonly number[])[],
  { concepts }: Needs,
): CompletionPlan {
  const { model, body } = draft;
  const { shape } = model.engine;
  const sampling = toSampling(body, shape);
  checkTokens('stop_token_ids', body.stop_token_ids ?? [], shape);
  const stopTokens = [...(body.ignore_eos ? [] : model.stopTokens), ...(body.stop_token_ids ?? [])];
  const receipts: SteeringReceipt[] = [];
  const monitors = resolveMonitors(draft.monitor, { model: { id: model.id, shape }, concepts });
  const monitored =
    monitors.length === 0 ? {} : { monitor: monitors.map(({ vectors }): Float32Array => vectors) };
  const sequences = prompts.flatMap((prompt, i) => {
    const field = prompts.length > 1 ? `${draft.field}.${i}` : draft.field;
    const maxTokens = answerLength(field, prompt.length, shape, draft.asked, draft.usual);
    const minTokens = body.min_tokens ?? 0;
    if (minTokens > maxTokens) {
      throw errors.invalidValue('min_tokens', `at most the answer's length (${maxTokens})`, minTokens);
    }
    const steered = resolveSteering(draft.steering, {
      model: { id: model.id, shape },
      concepts,
      promptLength: prompt.length,
    });
    if (i === 0) receipts.push(...steered.receipts);
    const { edit } = steered;
    return Array.from({ length: draft.choices }, (_, choice): SequenceRequest => {
      const seed = seedOfChoice(sampling.seed, choice);
      return {
        prompt,
        maxTokens,
        stopTokens,
        minTokens,
        sampling: { ...sampling, seed },
        edit,
        ...monitored,
        priority: 'interactive',
      };
    });
  });
  const mostTokens = sequences.reduce((sum, { maxTokens }) => sum + maxTokens, 0);
  checkLayerValues(monitors, mostTokens, 'monitor', 'lower max_tokens, n or the number of layers');
  return {
    id: `${draft.kind}-${randomBytes(12).toString('hex')}`,
    created: Math.floor(Date.now() / 1000),
    model,
    sequences,
    promptTokens: prompts.reduce((sum, prompt) => sum + prompt.length, 0),
    stop: stopStrings(body),
    receipts,
    monitors,
    continues: draft.kind === 'cmpl',
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
