/**
 * Where an answer is not steered: its edit stops acting between marks in its text, which the worker finds in the bytes of
 * its tokens. What is read and written outside is steered as it was.
 */
import type { ActivationEdit, EditTerm, QuietSpans } from '../protocol.js';

/** Follows an answer from mark to mark. */
export class QuietWatch {
  quiet: boolean;
  #tail = '';
  readonly #longest: number;

  /** @param tokens text of each token in the alphabet of the marks */
  constructor(
    readonly spans: QuietSpans,
    readonly tokens: readonly string[],
  ) {
    this.quiet = spans.fromStart;
    this.#longest = Math.max(0, ...[...spans.opens, ...spans.closes].map((mark) => mark.length));
  }

  push(token: number): void {
    this.#tail += this.tokens[token] ?? '';
    for (;;) {
      const marks = this.quiet ? this.spans.closes : this.spans.opens;
      const ends = marks
        .map((mark) => ({ mark, at: this.#tail.indexOf(mark) }))
        .filter(({ at }) => at >= 0)
        .map(({ mark, at }) => at + mark.length);
      if (ends.length === 0) break;
      this.#tail = this.#tail.slice(Math.min(...ends));
      this.quiet = !this.quiet;
    }
    this.#tail = this.#tail.slice(-this.#longest);
  }
}

/**
 * The edit with terms that act at no position from `firstAnswered` on while the watch is quiet. The object stays the
 * same when a span ends or begins, so vectors are not written again.
 * @param firstAnswered position of the answer's first token
 */
export const quietEdit = (edit: ActivationEdit, watch: QuietWatch, firstAnswered: number): ActivationEdit =>
  edit.map(
    (term): EditTerm => ({
      ...term,
      get to() {
        return watch.quiet ? Math.min(term.to, firstAnswered) : term.to;
      },
    }),
  );
