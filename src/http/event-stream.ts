/** Server-sent events as the body of a reply (WHATWG HTML, "Server-sent events"). */
import { Readable } from 'node:stream';
import type { ErrorBody } from '../schemas/errors.js';

/** One event: its data as JSON, and its name and id where a client can use them. */
export function event(json: string, { name, id }: { name?: string; id?: string } = {}): string {
  const head = `${id === undefined ? '' : `id: ${id}\n`}${name === undefined ? '' : `event: ${name}\n`}`;
  return `${head}data: ${json}\n\n`;
}

/** A comment, which clients ignore: it keeps idle connections open and finds out dead ones. */
export const keepAlive = ': \n\n';

/** Batches of a job's events as they are sent, each under its id and type; an empty batch keeps the line open. */
export async function* jobEvents(
  batches: AsyncIterable<readonly { readonly id: string; readonly type: string }[]>,
): AsyncGenerator<string> {
  for await (const batch of batches) {
    yield batch.length === 0
      ? keepAlive
      : batch.map((one) => event(JSON.stringify(one), { name: one.type, id: one.id })).join('');
  }
}

/**
 * How long a stream may say nothing. Proxies cut replies that are silent for longer than they expect: nginx and most
 * balancers after 60 s.
 */
export const silenceMilliseconds = 15_000;

/** Whether `work` comes to an end, well or badly, within that time. */
export function settlesWithin(work: Promise<unknown>, milliseconds: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds, false);
    const settled = () => {
      clearTimeout(timer);
      resolve(true);
    };
    work.then(settled, settled);
  });
}

/** The events, with a comment wherever none came for so long: in the queue, or while a long prompt is read. */
export async function* keptAlive(
  events: AsyncIterable<string>,
  milliseconds = silenceMilliseconds,
): AsyncGenerator<string> {
  const iterator = events[Symbol.asyncIterator]();
  try {
    while (true) {
      const next = iterator.next();
      while (!(await settlesWithin(next, milliseconds))) yield keepAlive;
      const { done, value } = await next;
      if (done) return;
      yield value;
    }
  } finally {
    await iterator.return?.();
  }
}

async function* withErrorEvent(
  events: AsyncIterable<string>,
  explain: (error: unknown) => ErrorBody,
): AsyncGenerator<string> {
  try {
    yield* keptAlive(events);
  } catch (error) {
    yield event(JSON.stringify(explain(error)));
  }
}

/** Bytes buffered for a slow client before no more events are read. */
const highWaterMark = 16 * 1024;

/**
 * The body of a reply. It reads no further while the client is slow; destroying it leaves `events`.
 * @param explain turns what breaks the stream into its last event
 */
export function eventStream(events: AsyncIterable<string>, explain: (error: unknown) => ErrorBody): Readable {
  return Readable.from(withErrorEvent(events, explain), { objectMode: false, highWaterMark });
}

export const eventStreamHeaders = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache',
  // nginx would gather a stream's tokens into its buffers first.
  'x-accel-buffering': 'no',
} as const;
