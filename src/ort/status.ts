/** Turns ORT's statuses into exceptions; every C API call goes through here. */
import { api, type Handle } from './library.js';

/** An ONNX Runtime failure: `code` is an OrtErrorCode (onnxruntime_c_api.h), `message` ORT's own. */
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

/** @throws OrtError when `status` is not success; the status is released either way. */
export function check(status: Handle | null, doing: string): void {
  if (!status) return;
  const code = api.GetErrorCode(status);
  const message = api.GetErrorMessage(status);
  api.ReleaseStatus(status);
  throw new OrtError(code, message, doing);
}

/** Calls a function whose last argument receives a new object, and returns that object. */
export function created<T = Handle>(doing: string, call: (out: [T | null]) => Handle | null): T {
  const out: [T | null] = [null];
  check(call(out), doing);
  if (out[0] === null) throw new OrtError(-1, 'no object came back', doing);
  return out[0];
}
