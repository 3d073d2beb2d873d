/**
 * Patterns of schemas tried on texts. Both come with requests, and some patterns take for ever: each trial has a limit of
 * time, and all trials of one validation have one together.
 */
import { createContext, Script } from 'node:vm';

/** Long enough for a thread that a busy machine holds up; a pattern that ends takes no time to speak of. */
const mostMilliseconds = 400;
const allMilliseconds = 1_000;

const matcher = new Script('new RegExp(source, "u").test(text)');
const plainMatcher = new Script('new RegExp(source).test(text)');
const sandbox = createContext(Object.create(null) as object) as { source: string; text: string };

export class PatternTrials {
  #left = allMilliseconds;
  readonly #endless = new Set<string>();

  /** True where the pattern is no expression or takes too long: then nobody can tell. */
  matches(source: string, text: string): boolean {
    if (this.#endless.has(source)) return true;
    sandbox.source = source;
    sandbox.text = text;
    for (const script of [matcher, plainMatcher]) {
      const timeout = Math.floor(Math.min(this.#left, mostMilliseconds));
      if (timeout < 1) return true;
      const started = performance.now();
      try {
        return script.runInContext(sandbox, { timeout }) as boolean;
      } catch (error) {
        // Without the u flag it may still be an expression.
        if ((error as { code?: unknown }).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') continue;
        this.#endless.add(source);
        return true;
      } finally {
        this.#left -= performance.now() - started;
      }
    }
    return true;
  }
}
