/**
 * How many tokens of prompts one run may take. Alone, prompts are read in runs as long as the settings allow. Beside
 * streams a run is a budget of time, since every stream waits for it: what it costs is measured as the model runs, so it
 * follows the machine, the model, the length of the past and what else is going on.
 *
 * How a prompt is cut does not change its logits (chunks.ts), so an answer does not depend on what was measured.
 */

/**
 * A part of a long prompt may hold streams up for so many of their own steps. With 1.5, and the step itself, and parts that
 * take longer than was thought, one gap in twenty was 3.09 steps (docs/bench-log.md); three are the bound.
 */
const stepsForPart = 1.35;
/**
 * Whole short prompts may hold streams up for so many: their users wait for a first token, there are no more of them than
 * slots, and together they take less than one after another.
 */
const stepsForWhole = 8;
const fewestTokens = 16;
/** Weight of the newest measurement. */
const newest = 0.3;

export interface RunLimits {
  /** Tokens, padding included, of a run that reads prompts to their ends. */
  readonly whole: number;
  /** Tokens of a part of a longer prompt. */
  readonly part: number;
}

export class Pace {
  /** Milliseconds of a decode step beside which prompts are read. */
  #step: number | null = null;
  #perToken: number | null = null;
  /** Tokens of the next part of a prompt beside streams, as the last one's time suggests. */
  #part: number | null = null;

  /**
   * @param most tokens of a run
   * @param steady whether it is always that many, because cuts change logits a little
   */
  constructor(
    readonly most: number,
    readonly steady = false,
  ) {}

  /** @param streams whether sequences wait for their next token meanwhile */
  limits(streams: boolean): RunLimits {
    const { most } = this;
    const step = this.#step;
    if (!streams || this.steady || this.#perToken === null || step === null)
      return { whole: most, part: most };
    return {
      whole: this.#within((stepsForWhole * step) / this.#perToken),
      part: this.#within(this.#part ?? (stepsForPart * step) / this.#perToken),
    };
  }

  #within(tokens: number): number {
    return Math.min(this.most, Math.max(fewestTokens, Math.floor(tokens)));
  }

  decodeTook(milliseconds: number): void {
    this.#step = average(this.#step, milliseconds);
  }

  /**
   * @param tokens of the run, padding included
   * @param isPart whether it was a part of a prompt, beside streams
   */
  promptsTook(tokens: number, milliseconds: number, isPart: boolean): void {
    if (tokens < fewestTokens) return;
    this.#perToken = average(this.#perToken, milliseconds / tokens);
    if (!isPart || this.#step === null) return;
    // A run's time is not proportional to its tokens, but a little more or less of them moves it the right way.
    const ratio = (stepsForPart * this.#step) / milliseconds;
    this.#part = this.#within(tokens * Math.sqrt(Math.min(4, Math.max(1 / 4, ratio))));
  }
}

function average(before: number | null, value: number): number {
  return before === null ? value : before + newest * (value - before);
}
