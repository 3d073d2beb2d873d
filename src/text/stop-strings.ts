/**
 * Finds the first stop string in a text that arrives in pieces. First is the one that ends first, and of
 * those that end together the longest: so the answer does not depend on where the pieces are cut.
 * Linear in the text: each stop string is a Knuth-Morris-Pratt automaton over UTF-16 units.
 */
import { errors } from '../errors.js';

class Automaton {
  readonly #stop: string;
  /** failure[n]: length of the longest proper prefix of the first n units that is also their suffix. */
  readonly #failure: Uint32Array;
  /** Length of the longest prefix of the stop string that ends at the last unit seen. */
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

  /** Takes one unit; true when the stop string ends with it. */
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
  /** The end of the text so far that may begin a stop string. */
  #held = '';
  #stopped = false;

  /** @throws SteerdError invalid_value for an empty stop string, which would stop before the first token. */
  constructor(
    stops: readonly string[],
    /** Whether the text goes on to the end of the stop string. */
    readonly included = false,
  ) {
    if (stops.includes('')) throw errors.invalidValue('stop', 'made of non-empty strings', '');
    this.#automata = stops.map((stop) => new Automaton(stop));
  }

  /**
   * @returns the text that is certain not to belong to a stop string, and whether one was found: the text
   *   then ends before it, and everything after is dropped.
   */
  push(text: string): { text: string; stopped: boolean } {
    if (this.#stopped) return { text: '', stopped: true };
    const pending = this.#held + text;
    for (let index = this.#held.length; index < pending.length; index++) {
      const unit = pending.charCodeAt(index);
      let found = 0;
      for (const automaton of this.#automata) {
        if (automaton.take(unit)) found = Math.max(found, automaton.length);
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

  /** The text held back, when no more comes and no stop string was found. */
  flush(): string {
    const rest = this.#held;
    this.#held = '';
    return rest;
  }
}
