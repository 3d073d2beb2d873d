/** Turns whatever was thrown into the error that a client sees. Of an unknown error it sees the request id only. */

import { withoutPaths } from '../common/without-paths.js';
import { errors, SteerdError } from '../errors.js';
import type { ErrorBody } from '../schemas/errors.js';

interface ErrorContext {
  readonly requestId: string;
  readonly bodyLimit: number;
  readonly contentType: string | undefined;
  /** As the request has it. */
  readonly path: string;
}

interface FrameworkError {
  readonly code: string;
  readonly statusCode: number;
  readonly message: string;
}

const isFrameworkError = (error: unknown): error is FrameworkError =>
  error instanceof Error &&
  'code' in error &&
  typeof error.code === 'string' &&
  error.code.startsWith('FST_') &&
  'statusCode' in error &&
  typeof error.statusCode === 'number';

/** Characters that a variable part of a path may have: a name, percent-encoded. */
export const pathPartLimit = 1024;

/** What Node says to whoever reads a body whose client went away. */
const isCutShort = (error: unknown) =>
  error instanceof Error && error.message === 'aborted' && 'code' in error && error.code === 'ECONNRESET';

/** @returns the error for the client; `internal_error` for what is neither ours nor a 4xx of Fastify's */
export function explain(error: unknown, context: ErrorContext): SteerdError {
  if (error instanceof SteerdError) return forClient(error, context);
  if (isCutShort(error)) return errors.clientGone();
  if (!isFrameworkError(error) || error.statusCode >= 500) return errors.internal(context.requestId);
  switch (error.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return errors.bodyTooLarge(context.bodyLimit);
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return errors.bodyNotJson(context.contentType);
    // Fastify's messages have the whole of the URL, or of the value.
    case 'FST_ERR_BAD_URL':
      return errors.badUrl(context.path);
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return errors.pathTooLong(context.path, pathPartLimit);
    default: {
      const code = error.code.replace('FST_ERR_', '').toLowerCase();
      return new SteerdError(code, error.statusCode, 'invalid_request_error', error.message);
    }
  }
}

/** Without the paths of this machine, and without what ONNX Runtime says when it fails: the log has both. */
function forClient(error: SteerdError, { requestId }: ErrorContext): SteerdError {
  if (error.code === 'engine_failed') return errors.engineFailedFor(requestId);
  const message = withoutPaths(error.message);
  return message === error.message ? error : error.inWords(message);
}

/** OpenAI's shape of an error. */
export const toErrorBody = ({ message, type, param, code }: SteerdError): ErrorBody => ({
  error: { message, type, param, code },
});

/** Whose clients an endpoint speaks to: what their errors look like. OpenAI's unless a route says otherwise. */
export type ErrorShape = 'openai' | 'anthropic' | 'ollama';

/** Anthropic's types of errors by status; its clients take others as they come. */
const anthropicTypes: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  503: 'overloaded_error',
};

/** The error as the clients of that API read it; Anthropic's with our `param` and `code` beside its own fields. */
export function shapedError(error: SteerdError, shape: ErrorShape): object {
  if (shape === 'openai') return toErrorBody(error);
  if (shape === 'ollama') return { error: error.message };
  const { message, status, param, code } = error;
  const type = anthropicTypes[status] ?? (status >= 500 ? 'api_error' : 'invalid_request_error');
  return { type: 'error', error: { type, message, param, code } };
}
