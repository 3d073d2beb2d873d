/**
 * A model's grammar thread: compiles grammars, keeps each constrained answer's position in its grammar, and computes the
 * mask of the tokens that may come next. Compiling takes up to a second, for which the model's streams must not wait.
 *
 * An instance of the library that aborts must not be used again: then this thread is ended and its constraints fail.
 */
import { type MessagePort, workerData } from 'node:worker_threads';
import type { ConstraintSource, GrammarVocabulary } from '../protocol.js';
import {
  type CompiledGrammar,
  type GrammarLibrary,
  type GrammarMatcher,
  loadGrammarLibrary,
} from './grammar-library.js';
import { LongestTokens } from './longest-tokens.js';

export interface GrammarThreadSettings {
  readonly vocabulary: GrammarVocabulary;
  /** Of the logits: V. */
  readonly size: number;
  /** Most tokens that a grammar forces whose masks are computed before they are written. */
  readonly ahead: number;
  /** For both directions. A port, since it can be read synchronously (`receiveMessageOnPort`). */
  readonly port: MessagePort;
}

export type ToGrammarThread =
  | { readonly type: 'begin'; readonly id: number; readonly source: ConstraintSource }
  | { readonly type: 'accept'; readonly id: number; readonly tokens: readonly number[] }
  | { readonly type: 'release'; readonly id: number };

/** A token that is likely to come next, since the grammar forces its text, and the mask behind it. */
export interface Ahead {
  readonly token: number;
  readonly mask: Int32Array;
}

interface Answer {
  readonly mask: Int32Array;
  /** One behind the other. */
  readonly ahead: readonly Ahead[];
}

/** One for each `begin` and each `accept`: bit t of the mask is set when token t may come. */
export type FromGrammarThread =
  | ({ readonly id: number } & Answer)
  /** `broken` when the library must not be used again. */
  | { readonly id: number; readonly error: string; readonly broken: boolean };

const keptGrammars = 32;

/** A token came that the mask did not allow: the library is not at fault. */
class Misfit extends Error {}

class Grammars {
  readonly #compiled = new Map<string, CompiledGrammar>();
  readonly #matchers = new Map<number, GrammarMatcher>();

  #longest: LongestTokens | null = null;

  constructor(
    readonly library: GrammarLibrary,
    readonly settings: GrammarThreadSettings,
  ) {}

  /** The mask of the matcher that `message` is about, and what it forces; null when it was released. */
  async answer(message: ToGrammarThread): Promise<Answer | null> {
    const { id } = message;
    if (message.type === 'begin')
      this.#matchers.set(id, await this.library.matcher(await this.#grammar(message.source)));
    const matcher = this.#matchers.get(id);
    if (message.type === 'release') {
      this.#matchers.delete(id);
      matcher?.dispose();
      return null;
    }
    if (!matcher) return null;
    for (const token of message.type === 'accept' ? message.tokens : [])
      if (!matcher.acceptToken(token)) throw new Misfit(`token ${token} does not fit the constraint`);
    const mask = await matcher.getNextTokenBitmask();
    return { mask, ahead: await this.#ahead(matcher) };
  }

  /** Goes on as far as the grammar leaves no choice of text, and comes back. */
  async #ahead(matcher: GrammarMatcher): Promise<readonly Ahead[]> {
    const { ahead: most, vocabulary } = this.settings;
    if (most === 0 || matcher.isTerminated()) return [];
    const text = matcher.findJumpForwardString();
    if (text === '') return [];
    this.#longest ??= new LongestTokens(vocabulary.tokens);
    const forced: Ahead[] = [];
    for (const token of this.#longest.of(text, most)) {
      if (!matcher.acceptToken(token)) break;
      forced.push({ token, mask: await matcher.getNextTokenBitmask() });
    }
    if (forced.length > 0) matcher.rollBack(forced.length);
    return forced;
  }

  async #grammar(source: ConstraintSource): Promise<CompiledGrammar> {
    const key = JSON.stringify(source);
    const grammar = this.#compiled.get(key) ?? (await this.library.compile(source));
    this.#compiled.delete(key);
    this.#compiled.set(key, grammar);
    // A matcher keeps what it needs of its grammar.
    for (const [old, { dispose }] of [...this.#compiled].slice(0, -keptGrammars)) {
      dispose.call(this.#compiled.get(old));
      this.#compiled.delete(old);
    }
    return grammar;
  }
}

const settings = workerData as GrammarThreadSettings;
const { vocabulary, size, port } = settings;
const grammars = loadGrammarLibrary(vocabulary, size).then((library) => new Grammars(library, settings));
let last: Promise<unknown> = grammars;

port.on('message', (message: ToGrammarThread) => {
  // In order, since the position in a grammar depends on the tokens so far.
  last = last.then(async () => {
    const { id } = message;
    try {
      const answer = await (await grammars).answer(message);
      if (answer) port.postMessage({ id, ...answer } satisfies FromGrammarThread);
    } catch (error) {
      const broken = !(error instanceof Misfit);
      const text = String((error as Error | undefined)?.message ?? error);
      port.postMessage({ id, error: text, broken } satisfies FromGrammarThread);
    }
  });
});
