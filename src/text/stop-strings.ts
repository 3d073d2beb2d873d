/**
 * Finds the first stop string in a text that arrives in pieces: the one that ends first and, of several that end at the
 * same place, the longest. The result does not depend on where the pieces are cut. Linear in the length of the text:
 * each stop string is a Knuth-Morris-Pratt automaton over UTF-16 units.
 */
import { errors } from '../errors.js';

class Automaton {
  readonly #stop: string;
  /** failure[n]: length of the longest proper prefix of the first n units that is also their suffix. */
  readonly #failure: Uint32Array;
  /** Length of the longest prefix of the stop string that is a suffix of the text so far. */
  matched = 0;

  constructor(stop: string) {
    this.#stop = stop;
    this.#failure = new Uint32Array(stop.length + 1);
    for (let end = 2; end <= stop.length; end++) {
      this.#failure[end] = this.#next(this.#failure[end - 1] ?? 0, stop.charCodeAt(end - 1));
    }
  }

  get length(): number {
    return this.#stop.length;
  }

  /** Reads one unit; true when the stop string ends there. */
  take(unit: number): boolean {
    this.matched = this.#next(this.matched, unit);
    return this.matched === this.#stop.length;
  }

  #next(matched: number, unit: number): number {
    let length = matched;
    while (length > 0 && this.#stop.charCodeAt(length) !== unit) length = this.#failure[length] ?? 0;
    return this.#stop.charCodeAt(length) === unit ? length + 1 : length;
  }
}

export class StopStringMatcher {
  readonly #automata: readonly Automaton[];
  /** The end of the text so far that may be the beginning of a stop string. */
  #held = '';
  #stopped = false;
  /** The stop string that was found; null while there is none. */
  found: string | null = null;

  /** @throws SteerdError invalid_value for an empty stop string, which would end every answer before its first token */
  constructor(
    readonly stops: readonly string[],
    /** Whether the text returned includes the stop string. */
    readonly included = false,
  ) {
    if (stops.includes('')) throw errors.invalidValue('stop', 'made of non-empty strings', '');
    this.#automata = stops.map((stop) => new Automaton(stop));
  }

  /**
   * @returns the text that can no longer become part of a stop string, and whether a stop string was found: then the
   *   text ends before it (or with it, if `included`), and what comes later is dropped
   */
  push(text: string): { text: string; stopped: boolean } {
    if (this.#stopped) return { text: '', stopped: true };
    const pending = this.#held + text;
    for (let index = this.#held.length; index < pending.length; index++) {
      const unit = pending.charCodeAt(index);
      let found = 0;
      for (const [i, automaton] of this.#automata.entries()) {
        if (!automaton.take(unit) || automaton.length <= found) continue;
        found = automaton.length;
        this.found = this.stops[i] ?? null;
      }
      if (found > 0) {
        this.#stopped = true;
        this.#held = '';
        return { text: pending.slice(0, index + 1 - (this.included ? 0 : found)), stopped: true };
      }
    }
    const hold = this.#automata.reduce((longest, automaton) => Math.max(longest, automaton.matched), 0);
    this.#held = pending.slice(pending.length - hold);
    return { text: pending.slice(0, pending.length - hold), stopped: false };
  }

  /** The text that was held back. Call it when the text has ended and no stop string was found. */
  flush(): string {
    const rest = this.#held;
    this.#held = '';
    return rest;
  }
}
