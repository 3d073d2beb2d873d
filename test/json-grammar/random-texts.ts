/** Texts of a grammar, walked at random byte by byte: what a model without sense could write under it. */

import { byteCharacters } from '../../src/common/byte-alphabet.js';
import { Random } from '../../src/common/random.js';
import { type GrammarLibrary, loadGrammarLibrary } from '../../src/engine/grammar/grammar-library.js';

const end = 256;
/** What closes something: preferred now and then, or texts would not end. */
const closing = new Set([...'"]},:0.@'].map((character) => character.charCodeAt(0)));

export class RandomTexts {
  private constructor(
    readonly library: GrammarLibrary,
    readonly random: Random,
  ) {}

  static async open(seed: number): Promise<RandomTexts> {
    const tokens = [...byteCharacters, '</s>'];
    return new RandomTexts(
      await loadGrammarLibrary({ tokens, endTokens: [end] }, tokens.length),
      new Random(seed),
    );
  }

  /** Null for one that has not ended after `most` bytes. */
  async of(source: string, count: number, most = 4_000): Promise<(string | null)[]> {
    const grammar = await this.library.compile({ kind: 'grammar', source });
    const texts: (string | null)[] = [];
    for (let i = 0; i < count; i++) texts.push(await this.#walk(grammar, most));
    grammar.dispose();
    return texts;
  }

  async #walk(grammar: Awaited<ReturnType<GrammarLibrary['compile']>>, most: number): Promise<string | null> {
    const matcher = await this.library.matcher(grammar);
    const bytes: number[] = [];
    let ended = false;
    while (!ended && bytes.length < most) {
      const mask = await matcher.getNextTokenBitmask();
      const allowed = Array.from({ length: end + 1 }, (_, id) => id).filter(
        (id) => (((mask[id >>> 5] ?? 0) >>> (id & 31)) & 1) === 1,
      );
      if (allowed.length === 0) throw new Error(`nothing may follow ${Buffer.from(bytes)}`);
      const closers = allowed.filter((id) => id === end || closing.has(id));
      const late = bytes.length > most / 8;
      const from = closers.length > 0 && this.random.uniform() < (late ? 0.9 : 0.25) ? closers : allowed;
      const token = from[Math.floor(this.random.uniform() * from.length)] as number;
      if (token === end) ended = true;
      else {
        if (!matcher.acceptToken(token)) throw new Error(`byte ${token} is not taken after all`);
        bytes.push(token);
      }
    }
    matcher.dispose();
    return ended ? Buffer.from(bytes).toString('utf8') : null;
  }
}
