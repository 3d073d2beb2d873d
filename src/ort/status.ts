/** Turns the statuses that ORT's functions return into exceptions. */
import { api, type Handle } from './library.js';

/** An error of ONNX Runtime: `code` is an OrtErrorCode (onnxruntime_c_api.h), the message ends with ORT's own. */
export class OrtError extends Error {
  override readonly name = 'OrtError';
  constructor(
    readonly code: number,
    message: string,
    doing: string,
  ) {
    super(`${doing}: ${message}`);
  }
}

/**
 * Releases the status.
 * @param doing what was attempted, for the message
 * @throws OrtError unless `status` is null, which means success
 */
export function check(status: Handle | null, doing: string): void {
  if (!status) return;
  const code = api.GetErrorCode(status);
  const message = api.GetErrorMessage(status);
  api.ReleaseStatus(status);
  throw new OrtError(code, message, doing);
}

/** Calls a function that gives its result in its last argument, and returns that result. @throws OrtError */
export function created<T = Handle>(doing: string, call: (out: [T | null]) => Handle | null): T {
  const out: [T | null] = [null];
  check(call(out), doing);
  if (out[0] === null) throw new OrtError(-1, 'no object came back', doing);
  return out[0];
}
