/** The constraints of a worker's running sequences: compiled grammars, kept for the next request, and their matchers. */
import {
  type CompiledGrammar,
  type ConstraintSource,
  type GrammarLibrary,
  type GrammarMatcher,
  type GrammarVocabulary,
  loadGrammarLibrary,
} from './grammar-library.js';

const keptGrammars = 32;

/** The grammar has led to a place where no token may come: what was asked for cannot be written to its end. */
export class ConstraintDeadEnd extends Error {}

/** One sequence's place in its grammar. */
export class TokenConstraint {
  #mask: Int32Array;
  #stale = false;

  constructor(
    readonly matcher: GrammarMatcher,
    mask: Int32Array,
    readonly endTokens: readonly number[],
  ) {
    this.#mask = mask;
  }

  /** Before the next logits come: the library answers asynchronously. */
  async refresh(): Promise<void> {
    if (!this.#stale) return;
    this.#mask = await this.matcher.getNextTokenBitmask();
    this.#stale = false;
  }

  allows(token: number): boolean {
    return (((this.#mask[token >>> 5] ?? 0) >>> (token & 31)) & 1) === 1;
  }

  /**
   * Takes what may not come out of the logits [V].
   * @param banned tokens that may not come either, unless nothing else could
   * @throws ConstraintDeadEnd when nothing may come at all
   */
  apply(logits: Float32Array, banned: readonly number[]): void {
    let allowed = 0;
    let left = 0;
    for (let token = 0; token < logits.length; token++) {
      if (this.allows(token)) {
        allowed++;
        left += banned.includes(token) ? 0 : 1;
      } else logits[token] = Number.NEGATIVE_INFINITY;
    }
    if (allowed === 0) throw new ConstraintDeadEnd('it leads to a place where nothing may follow');
    if (left > 0) for (const token of banned) logits[token] = Number.NEGATIVE_INFINITY;
  }

  /** @throws Error for a token that the grammar does not have here */
  accept(token: number): void {
    if (!this.matcher.acceptToken(token)) throw new Error(`token ${token} does not fit the constraint`);
    this.#stale = true;
  }

  release(): void {
    try {
      this.matcher.dispose();
    } catch {
      // An instance that has aborted has nothing to release.
    }
  }
}

export class Constraints {
  #library: Promise<GrammarLibrary> | null = null;
  readonly #grammars = new Map<string, CompiledGrammar>();

  constructor(
    readonly vocabulary: GrammarVocabulary,
    readonly size: number,
  ) {}

  /** @param source has compiled before, elsewhere: see constraint-check.ts */
  async begin(source: ConstraintSource): Promise<TokenConstraint> {
    this.#library ??= loadGrammarLibrary(this.vocabulary, this.size);
    try {
      const library = await this.#library;
      const matcher = await library.matcher(await this.#grammar(library, source));
      return new TokenConstraint(matcher, await matcher.getNextTokenBitmask(), this.vocabulary.endTokens);
    } catch (error) {
      this.reset();
      throw error;
    }
  }

  async #grammar(library: GrammarLibrary, source: ConstraintSource): Promise<CompiledGrammar> {
    const key = JSON.stringify(source);
    const grammar = this.#grammars.get(key) ?? (await library.compile(source));
    this.#grammars.delete(key);
    this.#grammars.set(key, grammar);
    // Matchers hold what they need of a grammar themselves.
    for (const [old, { dispose }] of [...this.#grammars].slice(0, -keptGrammars)) {
      dispose.call(this.#grammars.get(old));
      this.#grammars.delete(old);
    }
    return grammar;
  }

  /** After a failure of the library: the next constraint gets a new instance. */
  reset(): void {
    this.#library = null;
    this.#grammars.clear();
  }
}
