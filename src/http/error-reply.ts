/** Turns whatever was thrown into the error that a client sees. Of an unknown error it sees the request id only. */
import { errors, SteerdError } from '../errors.js';
import type { ErrorBody } from '../schemas/errors.js';
import { withoutPaths } from './without-paths.js';

interface ErrorContext {
  readonly requestId: string;
  readonly bodyLimit: number;
  readonly contentType: string | undefined;
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

/** @returns the error for the client; `internal_error` for what is neither ours nor a 4xx of Fastify's */
export function explain(error: unknown, context: ErrorContext): SteerdError {
  if (error instanceof SteerdError) return forClient(error, context);
  if (!isFrameworkError(error) || error.statusCode >= 500) return errors.internal(context.requestId);
  switch (error.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return errors.bodyTooLarge(context.bodyLimit);
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return errors.bodyNotJson(context.contentType);
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
  if (message === error.message) return error;
  const { code, status, type, param, retryAfterSeconds } = error;
  return new SteerdError(code, status, type, message, param, retryAfterSeconds);
}

/** OpenAI's shape of an error. */
export const toErrorBody = ({ message, type, param, code }: SteerdError): ErrorBody => ({
  error: { message, type, param, code },
});
