/**
 * Server-sent events as OpenAI's clients read them. What is the same in every chunk of a reply is serialised
 * once: a token costs one short JSON.stringify.
 */
import { Readable } from 'node:stream';
import type { ErrorBody } from '../schemas/errors.js';
import type { Usage } from '../schemas/generation.js';
import { usageOf } from './generate.js';
import type { CompletionPlan } from './plan.js';
import { type ReplyHead, receiptFields } from './reply-head.js';

const event = (json: string) => `data: ${json}\n\n`;

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

async function* withErrorEvent(
  events: AsyncIterable<string>,
  explain: (error: unknown) => ErrorBody,
): AsyncGenerator<string> {
  try {
    yield* events;
  } catch (error) {
    yield event(JSON.stringify(explain(error)));
  }
}

/** Text that may wait for a slow reader before the events are no longer read. */
const highWaterMark = 16 * 1024;

/**
 * The body of a reply. It reads no further while the client is slow; destroying it leaves `events`.
 * @param explain turns what breaks the stream into its last event
 */
export function eventStream(events: AsyncIterable<string>, explain: (error: unknown) => ErrorBody): Readable {
  return Readable.from(withErrorEvent(events, explain), { objectMode: false, highWaterMark });
}
