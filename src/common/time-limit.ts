/**
 * Computing that may take for ever, such as a request's regular expression on a text, with a limit of time. It runs on this
 * thread, which waits for it: limits must be short.
 */
import { createContext, Script } from 'node:vm';

const sandbox = createContext(Object.create(null) as object) as { work: (() => unknown) | null };
const run = new Script('work()');

/**
 * The result of `work`, which must have no effects, for it may be ended anywhere.
 * @param milliseconds a whole number above 0
 * @returns null when the time was over
 * @throws what `work` throws
 */
export function withinTime<Result>(
  work: () => Result,
  milliseconds: number,
): { readonly result: Result } | null {
  sandbox.work = work;
  try {
    return { result: run.runInContext(sandbox, { timeout: milliseconds }) as Result };
  } catch (error) {
    if ((error as { code?: unknown } | null)?.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return null;
    throw error;
  } finally {
    sandbox.work = null;
  }
}
