/**
 * What the replies of chat, text completions and responses have in common, and the chunks of a stream as OpenAI's
 * clients read them. What is the same in every chunk is serialised once: a token costs one short JSON.stringify.
 */
import { event } from '../http/event-stream.js';
import type { SamplingDefaults, Usage } from '../schemas/generation.js';
import type { MonitorReceipt } from '../schemas/monitor.js';
import type { SteeringReceipt } from '../schemas/steering-receipt.js';
import { shortReceipt } from '../steering/receipt.js';
import { loosenedTools } from './call-faults.js';
import type { Answer } from './generate.js';
import type { CompletionPlan } from './plan.js';

interface ReplyHead<Kind extends string> {
  readonly id: string;
  readonly object: Kind;
  readonly created: number;
  readonly model: string;
  readonly system_fingerprint: string;
}

/** What every object of one reply, whole or in chunks, begins with. */
export function replyHead<Kind extends string>(plan: CompletionPlan, object: Kind): ReplyHead<Kind> {
  return {
    id: plan.request.reply.id,
    object,
    created: plan.created,
    model: plan.modelName,
    system_fingerprint: `fp_${plan.model.engine.shape.fingerprint.slice(0, 10)}`,
  };
}

/**
 * The reply's `steering`, `monitor` and `sampling_defaults`, to be spread: there only when something steers, is monitored,
 * or is sampled as the model's own configuration says.
 */
export function receiptFields(plan: CompletionPlan): {
  steering?: SteeringReceipt[];
  monitor?: MonitorReceipt[];
  sampling_defaults?: NonNullable<SamplingDefaults>;
} {
  const { receipts, monitors, sampling } = plan;
  const { defaults } = sampling;
  return {
    ...(Object.keys(defaults).length === 0 ? {} : { sampling_defaults: defaults }),
    ...(receipts.length === 0 ? {} : { steering: told(plan, receipts) }),
    ...(monitors.length === 0 ? {} : { monitor: monitors.map(({ receipt }) => receipt) }),
  };
}

/** A choice's own `steering`, to be spread: there when the request compares steerings. */
export const choiceReceipts = (plan: CompletionPlan, index: number): { steering?: SteeringReceipt[] } =>
  plan.receiptsIn === 'choices' ? { steering: told(plan, plan.choices[index]?.receipts ?? []) } : {};

/** As the request wants them. */
const told = ({ request }: CompletionPlan, receipts: readonly SteeringReceipt[]): SteeringReceipt[] =>
  request.reply.fullReceipts ? [...receipts] : receipts.map(shortReceipt);

/** A choice's `stop_reason`, to be spread. */
export const stopReason = (stopString: string | null | undefined): { stop_reason?: string } =>
  typeof stopString === 'string' ? { stop_reason: stopString } : {};

/** A choice's `token_ids`, to be spread. */
export const tokenIds = ({ request }: CompletionPlan, ids: readonly number[]): { token_ids?: number[] } =>
  request.reply.tokenIds ? { token_ids: [...ids] } : {};

/** `prompt_token_ids` of a choice, to be spread. */
export function promptIds(
  { request, choices }: CompletionPlan,
  index: number,
): { prompt_token_ids?: number[] } {
  const prompt = choices[index]?.sequence.prompt;
  return request.reply.tokenIds && prompt ? { prompt_token_ids: [...prompt] } : {};
}

export const usageOf = ({ promptTokens, cached }: CompletionPlan, completionTokens: number): Usage => ({
  prompt_tokens: promptTokens,
  prompt_tokens_details: { cached_tokens: cached.total },
  completion_tokens: completionTokens,
  total_tokens: promptTokens + completionTokens,
});

export const tokenCount = (answers: readonly Answer[]): number =>
  answers.reduce((sum, { ids }) => sum + ids.length, 0);

/** The JSON of an object's fields, to follow others: `,"a":1`, or an empty string. */
export function fields(object: object): string {
  const json = JSON.stringify(object);
  return json === '{}' ? '' : `,${json.slice(1, -1)}`;
}

interface ChunkWriter {
  /** An event with one choice, given as JSON; `tokens` of the answers were made so far. */
  chunk(choice: string, tokens?: number): string;
  /** The first event of the reply: with the receipts of what steers and what is monitored. */
  firstChunk(choice: string, tokens?: number): string;
  /** What comes after the last choice. */
  end(completionTokens: number): string;
}

/** @param first what the first event has beside the receipts */
export function chunkWriter(plan: CompletionPlan, head: ReplyHead<string>, first: object = {}): ChunkWriter {
  const usage = plan.request.reply.stream?.usage ?? false;
  const withUsage = usage !== false;
  const fixed = JSON.stringify(head).slice(0, -1);
  const opening = `data: ${fixed},"choices":[`;
  const noUsage = withUsage ? ',"usage":null' : '';
  const closing = `]${noUsage}}\n\n`;
  const begin = fields({ ...first, ...loosenedTools(plan), ...receiptFields(plan) });
  const usageChunk = (usage: Usage) => `${opening}],"usage":${JSON.stringify(usage)}}\n\n`;
  const usageSoFar = (tokens: number) =>
    usage === 'every chunk' ? `],"usage":${JSON.stringify(usageOf(plan, tokens))}` : `]${noUsage}`;
  return {
    chunk: (choice, tokens = 0) =>
      opening + choice + (usage === 'every chunk' ? `${usageSoFar(tokens)}}\n\n` : closing),
    firstChunk: (choice, tokens = 0) => `${opening}${choice}${usageSoFar(tokens)}${begin}}\n\n`,
    end: (completionTokens) =>
      (withUsage ? usageChunk(usageOf(plan, completionTokens)) : '') + event('[DONE]'),
  };
}
