/** Server-sent events as the body of a reply (WHATWG HTML, "Server-sent events"). */
import { Readable } from 'node:stream';
import { settlesWithin } from '../common/bounded-wait.js';

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

/** Milliseconds of silence: of events at first almost none, then well within a proxy's limit. */
const firstPause = 50;
const laterPause = 15_000;

/**
 * The parts of a stream, and what says nothing while the next one is waited for: a proxy cuts what is silent for its minute.
 * @param first milliseconds without a part after which it is sent for the first time
 */
async function* keptAlive(
  parts: AsyncIterable<string>,
  nothing: () => string,
  first: number,
): AsyncGenerator<string> {
  const source = parts[Symbol.asyncIterator]();
  let pause = first;
  let next = source.next();
  try {
    for (;;) {
      const came = await settlesWithin(next, pause);
      pause = laterPause;
      if (!came) {
        yield nothing();
        continue;
      }
      const { done, value } = await next;
      if (done) return;
      yield value;
      next = source.next();
    }
  } finally {
    // Left while an event is being made: nobody waits for it any more.
    next.catch(() => {});
    source.return?.().catch(() => {});
  }
}

async function* withError(
  parts: AsyncIterable<string>,
  last: (error: unknown) => string,
): AsyncGenerator<string> {
  try {
    yield* parts;
  } catch (error) {
    yield last(error);
  }
}

/** Bytes buffered for a slow client before no more events are read. */
const highWaterMark = 16 * 1024;

/**
 * The body of a reply. It reads no further while the client is slow; destroying it leaves `events`.
 * @param explain turns what breaks the stream into its last event
 */
export const eventStream = (events: AsyncIterable<string>, explain: (error: unknown) => string): Readable =>
  Readable.from(
    withError(
      keptAlive(events, () => keepAlive, firstPause),
      explain,
    ),
    { objectMode: false, highWaterMark },
  );

/**
 * The same of lines of JSON, which have no comments.
 * @param nothing a line that adds nothing
 */
export const lineStream = (
  lines: AsyncIterable<string>,
  nothing: () => string,
  explain: (error: unknown) => string,
): Readable =>
  Readable.from(withError(keptAlive(lines, nothing, laterPause), explain), {
    objectMode: false,
    highWaterMark,
  });

/** nginx would collect what comes, and send it in bursts. */
const unbuffered = { 'cache-control': 'no-cache', 'x-accel-buffering': 'no' } as const;

export const eventStreamHeaders = {
  'content-type': 'text/event-stream; charset=utf-8',
  ...unbuffered,
} as const;

export const lineStreamHeaders = { 'content-type': 'application/x-ndjson', ...unbuffered } as const;
