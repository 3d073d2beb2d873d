/** The `monitor` of a choice, whole or in chunks: what the monitored concepts read at each token. */
import type { ChoiceMonitor, ChunkMonitor, MonitorReading } from '../schemas/monitor.js';
import { type Monitor, type Reading, short } from '../steering/monitor.js';
import type { ReadToken } from './generate.js';
import type { CompletionPlan } from './plan.js';

/** One choice's readings as they come, with their running means. */
export class AnswerMonitor {
  readonly #monitors: readonly Monitor[];
  readonly #sums: number[];
  #count = 0;

  constructor({ monitors }: CompletionPlan) {
    this.#monitors = monitors;
    this.#sums = monitors.map(() => 0);
  }

  /** What is new since the last time; to be spread: empty when nothing is monitored or nothing is new. */
  chunk(tokens: readonly ReadToken[], last: boolean): { monitor?: ChunkMonitor } {
    if (this.#monitors.length === 0 || (tokens.length === 0 && !last)) return {};
    return { monitor: last ? this.#last(tokens) : this.#take(tokens) };
  }

  /** The whole answer at once. */
  whole(tokens: readonly ReadToken[]): { monitor?: ChoiceMonitor } {
    return this.#monitors.length === 0 ? {} : { monitor: this.#last(tokens) };
  }

  #take(all: readonly ReadToken[]) {
    // An echoed prompt is not monitored.
    const tokens = all.filter(({ readings }) => readings.length > 0);
    this.#count += tokens.length;
    const concepts = this.#monitors.map(({ receipt, perLayer }, m): MonitorReading => {
      const own = tokens.map(({ readings }) => readings[m] as Reading);
      for (const { value } of own) this.#sums[m] = (this.#sums[m] ?? 0) + value;
      return {
        concept: receipt.concept,
        values: own.map(({ value }) => value),
        ...(perLayer ? { layer_values: own.map(({ layers }) => [...(layers ?? [])]) } : {}),
      };
    });
    return { tokens: tokens.map(({ id, text }) => ({ id, text })), concepts };
  }

  #last(tokens: readonly ReadToken[]): ChoiceMonitor {
    const taken = this.#take(tokens);
    const mean = (m: number) => (this.#count === 0 ? null : short((this.#sums[m] ?? 0) / this.#count));
    return { ...taken, concepts: taken.concepts.map((reading, m) => ({ ...reading, mean: mean(m) })) };
  }
}
