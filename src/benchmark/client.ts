/**
 * What the benchmark asks of steerd, a server or the application of its own process alike: requests that are refused for
 * now are sent again, anything else is the caller's.
 */
import { backoff, pauseUnlessAborted } from '../common/backoff.js';

/** The part of a command's API that a run needs. */
export interface BenchApi {
  /** The server's address; null for this process. */
  readonly where: string | null;
  /** The model as a field of requests, where one was named. */
  readonly named: { readonly model?: string };
  readonly signal: AbortSignal;
  concepts(under?: string): string;
  json<T>(
    path: string,
    asked?: {
      readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
      readonly body?: object;
      readonly signal?: AbortSignal;
    },
  ): Promise<T>;
}

/** What a refusal says of itself, where it came from the service. */
interface Refusal {
  readonly status?: number;
  readonly code?: string;
}

const passing = new Set([429, 502, 503, 504]);
/** Milliseconds. */
const firstPause = 500;
const longestPause = 20_000;
/** Tries in a row: some four minutes, in which a server can start again or end what keeps it busy. */
const mostTries = 16;
/** Of those that ran into the service's own limit of time, ten minutes each as it comes: the next will hardly end sooner. */
const mostOverdue = 3;
const overdue = 504;

/**
 * A request, again while it is refused for now.
 * @throws what the API throws for anything else, or for the last try; the signal's reason
 */
export async function patiently<T>(signal: AbortSignal, ask: () => Promise<T>): Promise<T> {
  let late = 0;
  for (let failed = 1; ; failed++) {
    try {
      return await ask();
    } catch (error) {
      signal.throwIfAborted();
      const { status } = error as Refusal;
      if (status === overdue) late++;
      if (status === undefined || !passing.has(status) || failed >= mostTries || late >= mostOverdue)
        throw error;
      await pauseUnlessAborted(backoff(failed, { first: firstPause, longest: longestPause }), signal);
      signal.throwIfAborted();
    }
  }
}

export const post = <T>(api: BenchApi, path: string, body: object, signal = api.signal): Promise<T> =>
  patiently(signal, () => api.json<T>(path, { method: 'POST', body: { ...api.named, ...body }, signal }));

export const refusedWith = (error: unknown, ...codes: readonly string[]): boolean =>
  codes.includes((error as Refusal).code ?? '');

/** Whether the service has looked at the request and will not do it, however often it is asked. */
export const isRefusal = (error: unknown): boolean => {
  const { status } = error as Refusal;
  return status !== undefined && status >= 400 && status < 500 && ![401, 403, 429].includes(status);
};
