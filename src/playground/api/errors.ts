/** What went wrong with a request, as the API says it. */
import type { ErrorBody } from '../../schemas/errors.js';

/** A refusal of the API, with its own words; `status` 0 where no answer came at all. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  constructor(
    readonly status: number,
    /** The API's error code, such as `concept_not_found`. */
    readonly code: string,
    message: string,
    /** The field that is meant, such as `steering[0].strength`. */
    readonly field: string | null = null,
  ) {
    super(message);
  }
}

/** Reads what a refusal says; a proxy's own page has no words for us. */
export async function refusal(reply: Response): Promise<ApiError> {
  const body = (await reply.json().catch(() => null)) as ErrorBody | null;
  const error = body?.error;
  if (error === undefined)
    return new ApiError(reply.status, 'unknown', `The server answered ${reply.status}.`);
  return new ApiError(reply.status, error.code ?? 'unknown', error.message, error.param ?? null);
}

/** Whether somebody stopped it, which is no failure. */
export const isAbort = (error: unknown): boolean =>
  error instanceof DOMException && error.name === 'AbortError';

/** Any error in words. */
export const inWords = (error: unknown): string => (error instanceof Error ? error.message : String(error));
