/**
 * The events of a completion as OpenAI's clients read them. What is the same in every chunk of a reply is
 * serialised once: a token costs one short JSON.stringify.
 */
import { event } from '../event-stream.js';
import type { Usage } from '../schemas/generation.js';
import { usageOf } from './generate.js';
import type { CompletionPlan } from './plan.js';
import { type ReplyHead, receiptField } from './reply-head.js';

export interface ChunkWriter {
  /** An event with one choice, given as JSON. */
  chunk(choice: string): string;
  /** The first event of the reply: with the receipt, if something steers. */
  firstChunk(choice: string): string;
  /** What comes after the last choice. */
  end(completionTokens: number): string;
}

export function chunkWriter(plan: CompletionPlan, head: ReplyHead<string>): ChunkWriter {
  const fixed = JSON.stringify(head).slice(0, -1);
  const opening = `data: ${fixed},"choices":[`;
  const noUsage = plan.includeUsage ? ',"usage":null' : '';
  const closing = `]${noUsage}}\n\n`;
  const receipt = JSON.stringify(receiptField(plan)).slice(1, -1);
  const firstClosing = receipt === '' ? closing : `]${noUsage},${receipt}}\n\n`;
  const usageChunk = (usage: Usage) => `${opening}],"usage":${JSON.stringify(usage)}}\n\n`;
  return {
    chunk: (choice) => opening + choice + closing,
    firstChunk: (choice) => opening + choice + firstClosing,
    end: (completionTokens) =>
      (plan.includeUsage ? usageChunk(usageOf(plan, completionTokens)) : '') + event('[DONE]'),
  };
}
