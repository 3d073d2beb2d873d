/**
 * What the keys and values of a text's positions depend on, as one number for each position: its token, and the edit
 * that applies there. An edit counts by what it does: coefficients and the contents of its vectors, without the terms
 * that change nothing at that position. So a concept that was made anew under its old name has other keys, and a prompt
 * that is steered only behind its end has those of an unsteered one.
 */
import { createHash } from 'node:crypto';
import type { ActivationEdit, EditTerm } from '../protocol.js';

/** More than any vocabulary has: a key is `edit * tokenRange + token`. */
const tokenRange = 2 ** 24;

/** Edits that are known at once. What is held of one that was forgotten is not found again. */
const mostEdits = 4096;

export class PrefixKeys {
  /** By what an edit is: its number. The one used last is at the end. */
  readonly #edits = new Map<string, number>();
  #next = 0;

  /**
   * The keys of a text's positions.
   * @param space texts of different spaces have no key in common
   */
  of(tokens: readonly number[], edit: ActivationEdit, space = ''): number[] {
    const terms = edit.map((term) => ({ ...term, name: nameOf(term) })).filter(({ name }) => name !== null);
    const edges = terms.flatMap(({ from, to }) => [from, to]);
    let number = -1;
    return tokens.map((token, position) => {
      if (number < 0 || edges.includes(position)) {
        const active = terms.filter(({ from, to }) => position >= from && position < to);
        number = this.#numberOf(JSON.stringify([space, ...active.map(({ name }) => name)]));
      }
      return number * tokenRange + token;
    });
  }

  #numberOf(name: string): number {
    // A number is never given twice, not even after it was forgotten: pages may still be held under it.
    const number = this.#edits.get(name) ?? this.#next++;
    this.#edits.delete(name);
    this.#edits.set(name, number);
    const [oldest] = this.#edits.keys();
    if (this.#edits.size > mostEdits && oldest !== undefined) this.#edits.delete(oldest);
    return number;
  }
}

/** The same for terms that do the same to a position, in the order of an edit; null for one that does nothing. */
function nameOf({ vectors, add, scale }: EditTerm): string | null {
  if (add.every((value) => value === 0) && scale.every((value) => value === 0)) return null;
  const hash = createHash('sha256');
  for (const part of [vectors, add, scale])
    hash.update(new Uint8Array(part.buffer, part.byteOffset, part.byteLength));
  return hash.digest('base64');
}
