/** Reads a body as it comes, never more of it in memory than one piece, and ends one that grows too large or does not move. */
import type { Readable } from 'node:stream';
import { errors } from '../../errors.js';

/** Bytes a second that an upload brings at least: half a megabit is less than any line that one would send a model over. */
const slowest = 64 * 1024;

export interface BodyBounds {
  /** Bytes of all of it. */
  readonly most: number;
  /** In each stretch of so many seconds it must move. */
  readonly seconds: number;
  readonly signal: AbortSignal;
}

/**
 * The body is left open whatever happens, so that its sender can still be answered.
 * @param take is waited for before more is read
 * @returns its bytes
 * @throws SteerdError upload_too_large, request_timeout, client_gone; the signal's reason; what `take` throws
 */
export function readBody(
  body: Readable,
  { most, seconds, signal }: BodyBounds,
  take: (chunk: Uint8Array) => Promise<void>,
): Promise<number> {
  return new Promise((resolve, reject) => {
    let [bytes, before, over] = [0, 0, false];
    const end = (settle: () => void) => {
      if (over) return;
      over = true;
      clearInterval(clock);
      signal.removeEventListener('abort', onAbort);
      body.off('data', onData).off('end', onEnd).off('close', onClose).off('error', onClose);
      body.pause();
      settle();
    };
    const fail = (error: unknown) => end(() => reject(error));
    const onData = (chunk: Uint8Array) => {
      bytes += chunk.length;
      if (bytes > most) return fail(errors.uploadTooLarge(most));
      body.pause();
      take(chunk).then(() => {
        if (!over) body.resume();
      }, fail);
    };
    const onEnd = () => end(() => resolve(bytes));
    const onClose = () => fail(errors.clientGone());
    const onAbort = () => fail(signal.reason);
    const clock = setInterval(() => {
      if (bytes - before < slowest * seconds) fail(errors.uploadTooSlow(bytes - before, slowest, seconds));
      before = bytes;
    }, seconds * 1000);
    if (signal.aborted) return onAbort();
    if (body.destroyed) return onClose();
    signal.addEventListener('abort', onAbort, { once: true });
    body.on('end', onEnd).on('close', onClose).on('error', onClose).on('data', onData);
  });
}
