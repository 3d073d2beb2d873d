/**
 * Pairs for recipe `examples`: one question answered twice, with the concept and plainly. Both answers answer the
 * question, at about the same length, so that only the concept is between them.
 */
interface Pair {
  readonly question: string;
  readonly withConcept: string;
  readonly plain: string;
}

export interface PairSet {
  /** States the concept to the model, for what is judged by telling it. */
  readonly prefix: string;
  readonly pairs: readonly Pair[];
}

export const pair = (question: string, withConcept: string, plain: string): Pair => ({
  question,
  withConcept,
  plain,
});
