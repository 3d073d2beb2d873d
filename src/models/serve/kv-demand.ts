/**
 * How much memory a loaded model's keys and values may come to take: what its sequences have asked for, the longest of
 * them as many as there are slots. A sequence that would need more than there is room for waits until others end.
 */
import { errors } from '../../errors.js';

interface KvDemandOptions {
  readonly slots: number;
  /** Bytes of one token. */
  readonly tokenBytes: number;
  /** Tokens of a slot: no sequence takes more. */
  readonly capacity: number;
  /** Sequences that may wait here. */
  readonly queue: number;
  /** Whether that many bytes more may be taken now. @param bytes above 0 */
  readonly grow: (bytes: number) => boolean;
  /** Less is asked for than before. */
  readonly shrunk: () => void;
}

interface Waiting {
  readonly tokens: number;
  readonly admit: (nothing?: undefined) => void;
  readonly refuse: (error: Error) => void;
}

export class KvDemand {
  /** Tokens of the sequences that were let in, the longest first. */
  readonly #inside: number[] = [];
  readonly #waiting: Waiting[] = [];

  constructor(readonly options: KvDemandOptions) {}

  /**
   * Bytes that may come to be in use. One sequence and one text that is read, as long as they may be, are always
   * counted: so whatever others take, a lone request can run.
   */
  get bytes(): number {
    return this.#bytesOf(this.#inside);
  }

  #bytesOf(longestFirst: readonly number[]): number {
    const { slots, tokenBytes, capacity } = this.options;
    const asked = longestFirst.slice(0, slots).reduce((sum, tokens) => sum + tokens, 0);
    return tokenBytes * (capacity + Math.max(capacity, asked));
  }

  /**
   * Waits for room for a sequence.
   * @param tokens of its prompt and its answer, at most
   * @returns to be called when it has ended
   * @throws SteerdError queue_full; the signal's reason
   */
  async take(tokens: number, signal?: AbortSignal): Promise<() => void> {
    signal?.throwIfAborted();
    const { capacity, queue } = this.options;
    const length = Math.min(tokens, capacity);
    if (this.#waiting.length > 0 || !this.#letIn(length)) {
      if (this.#waiting.length >= queue) throw errors.queueFull(queue, 1);
      await this.#wait(length, signal);
    }
    let inside = true;
    return () => {
      if (!inside) return;
      inside = false;
      this.#inside.splice(this.#inside.indexOf(length), 1);
      this.retry();
      this.options.shrunk();
    };
  }

  /** Lets in those for whom there is room by now, in the order in which they came. */
  retry(): void {
    for (let next = this.#waiting[0]; next && this.#letIn(next.tokens); next = this.#waiting[0]) {
      this.#waiting.shift();
      next.admit();
    }
  }

  /** The model is gone: nobody who waits is let in any more. */
  close(error: Error): void {
    for (const { refuse } of this.#waiting.splice(0)) refuse(error);
  }

  #letIn(tokens: number): boolean {
    const next = [...this.#inside, tokens].sort((a, b) => b - a);
    const more = this.#bytesOf(next) - this.bytes;
    if (more > 0 && !this.options.grow(more)) return false;
    this.#inside.splice(0, this.#inside.length, ...next);
    return true;
  }

  #wait(tokens: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = () => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        reject(signal?.reason as Error);
        this.retry();
      };
      const settle =
        <T>(how: (value: T) => void) =>
        (value: T) => {
          signal?.removeEventListener('abort', abort);
          how(value);
        };
      const waiting = { tokens, admit: settle(() => resolve()), refuse: settle(reject) };
      this.#waiting.push(waiting);
      signal?.addEventListener('abort', abort, { once: true });
    });
  }
}
