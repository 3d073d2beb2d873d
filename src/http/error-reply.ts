/** Turns whatever was thrown into the error that a client sees. Of an unknown error it sees the request id only. */
import { errors, SteerdError } from '../errors.js';
import type { ErrorBody } from '../schemas/errors.js';

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
  if (error instanceof SteerdError) return error;
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

/** OpenAI's shape of an error. */
export const toErrorBody = ({ message, type, param, code }: SteerdError): ErrorBody => ({
  error: { message, type, param, code },
});
