/**
 * Drafts by prompt look-up (as transformers' prompt_lookup_num_tokens, vLLM's n-gram speculation): a text that quotes,
 * rewrites or lists repeats what it has said. What followed the last tokens when they stood there before is likely to
 * follow again.
 */

/** Tokens that must be alike: fewer are found everywhere, and what follows them is a poor guess. */
const fewestAlike = 2;
/** More of them make no better guess. */
const mostAlike = 4;
/** After drafts of which no token was right, so many steps at most go without one. */
const longestPause = 32;

export class PromptLookup {
  readonly #text: number[];
  /** Drafts without a right token, one after another. */
  #failures = 0;
  #pause = 0;

  /** @param text tokens of the prompt, and of the answer so far */
  constructor(text: readonly number[]) {
    this.#text = [...text];
  }

  /** The sequence's next token. */
  push(token: number): void {
    this.#text.push(token);
    if (this.#pause > 0) this.#pause--;
  }

  /**
   * What may follow the text: what stood behind the last place where at least `fewestAlike` of its last tokens stood, the
   * place with most of them alike.
   * @returns at most `most` tokens; none when there is no such place, or when drafts were wrong of late
   */
  draft(most: number): readonly number[] {
    if (this.#pause > 0 || most < 1) return [];
    const text = this.#text;
    const last = text.length - 1;
    let found = -1;
    let best = fewestAlike - 1;
    for (let end = last - 1; end >= best && best < mostAlike; end--) {
      let alike = 0;
      while (alike < mostAlike && alike <= end && text[end - alike] === text[last - alike]) alike++;
      if (alike <= best) continue;
      best = alike;
      found = end + 1;
    }
    if (found < 0) return [];
    const draft = text.slice(found, found + most);
    // A text that repeats itself at short distance goes on so.
    for (const period = draft.length; draft.length < most; )
      draft.push(draft[draft.length - period] as number);
    return draft;
  }

  /** How many tokens of the last draft were right. A text that does not repeat itself soon goes without drafts. */
  accepted(count: number): void {
    this.#failures = count > 0 ? 0 : this.#failures + 1;
    this.#pause = count > 0 ? 0 : Math.min(longestPause, 2 ** this.#failures - 1);
  }
}
