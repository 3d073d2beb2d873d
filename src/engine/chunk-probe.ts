/** Whether an export can be given a prompt in pieces. */
import { RunOptions } from '../ort/binding.js';
import type { Session } from '../ort/session.js';
import { OrtError } from '../ort/status.js';
import { ConcatenatedKvCache } from './concatenated-kv-cache.js';
import type { ModelSpec } from './model-spec.js';
import { ServingRunner } from './serving-runner.js';

/**
 * Tries it: some graphs that write their attention out make a mask for a whole prompt or for one token, and fail
 * on several tokens after a past. GroupQueryAttention takes both.
 */
export function takesChunks(spec: ModelSpec, session: Session): boolean {
  if (spec.kvLayout === 'in place') return true;
  const options = new RunOptions();
  const cache = new ConcatenatedKvCache(spec, session, 0, 4);
  const runner = new ServingRunner(session, cache, options);
  try {
    for (const past of [0, 2]) runner.chunk(cache.scratch, [0, 0], past, [], 1);
    return true;
  } catch (error) {
    if (error instanceof OrtError) return false;
    throw error;
  } finally {
    runner.release();
    cache.release();
    options.release();
  }
}
