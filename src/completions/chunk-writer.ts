/**
 * The events of a completion as OpenAI's clients read them. What is the same in every chunk of a reply is
 * serialised once: a token costs one short JSON.stringify.
 */
import { event } from '../http/event-stream.js';
import type { Usage } from '../schemas/generation.js';
import { usageOf } from './generate.js';
import type { CompletionPlan } from './plan.js';
import { type ReplyHead, receiptFields } from './reply-head.js';

/** An object's fields as they go on from others: `,"a":1`, or nothing. */
export function fields(object: object): string {
  const json = JSON.stringify(object);
  return json === '{}' ? '' : `,${json.slice(1, -1)}`;
}

export interface ChunkWriter {
  /** An event with one choice, given as JSON. */
  chunk(choice: string): string;
  /** The first event of the reply: with the receipts of what steers and what is monitored. */
  firstChunk(choice: string): string;
  /** What comes after the last choice. */
  end(completionTokens: number): string;
}

export function chunkWriter(plan: CompletionPlan, head: ReplyHead<string>): ChunkWriter {
  const fixed = JSON.stringify(head).slice(0, -1);
  const opening = `data: ${fixed},"choices":[`;
  const noUsage = plan.includeUsage ? ',"usage":null' : '';
  const closing = `]${noUsage}}\n\n`;
  const firstClosing = `]${noUsage}${fields(receiptFields(plan))}}\n\n`;
  const usageChunk = (usage: Usage) => `${opening}],"usage":${JSON.stringify(usage)}}\n\n`;
  return {
    chunk: (choice) => opening + choice + closing,
    firstChunk: (choice) => opening + choice + firstClosing,
    end: (completionTokens) =>
      (plan.includeUsage ? usageChunk(usageOf(plan, completionTokens)) : '') + event('[DONE]'),
  };
}
