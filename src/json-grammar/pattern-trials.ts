/**
 * Patterns of schemas tried on texts. Both come with requests, and some patterns take for ever: each trial has a limit of
 * time, and all trials of one validation have one together.
 */
import { withinTime } from '../common/time-limit.js';

/** Long enough for a thread that a busy machine holds up; a pattern that ends takes no time to speak of. */
const mostMilliseconds = 400;
const allMilliseconds = 1_000;

export class PatternTrials {
  #left = allMilliseconds;
  readonly #endless = new Set<string>();

  /** True where the pattern is no expression or takes too long: then nobody can tell. */
  matches(source: string, text: string): boolean {
    const expression = expressionOf(source);
    const timeout = Math.floor(Math.min(this.#left, mostMilliseconds));
    if (expression === null || timeout < 1 || this.#endless.has(source)) return true;
    const started = performance.now();
    const tried = withinTime(() => expression.test(text), timeout);
    this.#left -= performance.now() - started;
    if (tried === null) this.#endless.add(source);
    return tried?.result ?? true;
  }
}

/** Without the u flag it may still be an expression. */
function expressionOf(source: string): RegExp | null {
  for (const flags of ['u', '']) {
    try {
      return new RegExp(source, flags);
    } catch {
      // Not in these words.
    }
  }
  return null;
}
