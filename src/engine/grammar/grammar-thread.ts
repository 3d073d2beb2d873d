/**
 * The thread that a model's grammars live in: compiles them, keeps each constrained answer's place, and says which
 * tokens may come next. Compiling takes up to a second, in which no stream of the model shall wait.
 *
 * An instance of the library that aborts must not be used again: then this thread ends, and whoever needs it fails.
 */
import { type MessagePort, workerData } from 'node:worker_threads';
import {
  type CompiledGrammar,
  type ConstraintSource,
  type GrammarLibrary,
  type GrammarMatcher,
  type GrammarVocabulary,
  loadGrammarLibrary,
} from './grammar-library.js';

export interface GrammarThreadSettings {
  readonly vocabulary: GrammarVocabulary;
  /** Of the logits. */
  readonly size: number;
  /** Both ways; one that can be read without waiting. */
  readonly port: MessagePort;
}

export type ToGrammarThread =
  | { readonly type: 'begin'; readonly id: number; readonly source: ConstraintSource }
  | { readonly type: 'accept'; readonly id: number; readonly token: number }
  | { readonly type: 'release'; readonly id: number };

/** One for each `begin` and each `accept`: bit t of the mask is set when token t may come. */
export type FromGrammarThread =
  | { readonly id: number; readonly mask: Int32Array }
  /** `broken` when the library must not be used again. */
  | { readonly id: number; readonly error: string; readonly broken: boolean };

const keptGrammars = 32;

/** A token came that the mask did not allow: no fault of the library's. */
class Misfit extends Error {}

class Grammars {
  readonly #compiled = new Map<string, CompiledGrammar>();
  readonly #matchers = new Map<number, GrammarMatcher>();

  constructor(readonly library: GrammarLibrary) {}

  /** What the matcher that `message` is about allows now; null when it is released. */
  async answer(message: ToGrammarThread): Promise<Int32Array | null> {
    const { id } = message;
    if (message.type === 'begin')
      this.#matchers.set(id, await this.library.matcher(await this.#grammar(message.source)));
    const matcher = this.#matchers.get(id);
    if (message.type === 'release') {
      this.#matchers.delete(id);
      matcher?.dispose();
      return null;
    }
    if (message.type === 'accept' && matcher && !matcher.acceptToken(message.token))
      throw new Misfit(`token ${message.token} does not fit the constraint`);
    return (await matcher?.getNextTokenBitmask()) ?? null;
  }

  async #grammar(source: ConstraintSource): Promise<CompiledGrammar> {
    const key = JSON.stringify(source);
    const grammar = this.#compiled.get(key) ?? (await this.library.compile(source));
    this.#compiled.delete(key);
    this.#compiled.set(key, grammar);
    // Matchers hold what they need of a grammar themselves.
    for (const [old, { dispose }] of [...this.#compiled].slice(0, -keptGrammars)) {
      dispose.call(this.#compiled.get(old));
      this.#compiled.delete(old);
    }
    return grammar;
  }
}

const { vocabulary, size, port } = workerData as GrammarThreadSettings;
const grammars = loadGrammarLibrary(vocabulary, size).then((library) => new Grammars(library));
let last: Promise<unknown> = grammars;

port.on('message', (message: ToGrammarThread) => {
  // In the order they came: a place in a grammar is the tokens so far.
  last = last.then(async () => {
    const { id } = message;
    try {
      const mask = await (await grammars).answer(message);
      if (mask) port.postMessage({ id, mask } satisfies FromGrammarThread);
    } catch (error) {
      const broken = !(error instanceof Misfit);
      const said = String((error as Error | undefined)?.message ?? error);
      port.postMessage({ id, error: said, broken } satisfies FromGrammarThread);
    }
  });
});
