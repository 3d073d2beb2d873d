/**
 * Text whose special tokens are to be read as text. A prompt is one string in which the chat template's special tokens are
 * written out, so that those which a message spells must be told apart from them: a mark is put inside, which is taken
 * out again when the string has been cut at its special tokens, and before anything else reads it.
 */

/** A noncharacter (Unicode Standard, section 23.7): no text has it, and no template or tokenizer does anything with it. */
const mark = '\ufdd0';

/** Without the marks of `literalWriter`. */
export const withoutMarks = (text: string): string =>
  text.includes(mark) ? text.replaceAll(mark, '') : text;

const pattern = (texts: readonly string[]) =>
  new RegExp(texts.map((text) => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('|'), 'g');

/**
 * A function that marks the special tokens spelt in a text.
 * @param special the texts of those tokens
 */
export function literalWriter(special: readonly string[]): (text: string) => string {
  const texts = special.filter((text) => text.length > 1).sort((a, b) => b.length - a.length);
  if (texts.length === 0) return withoutMarks;
  const spelt = pattern(texts);
  const marked = (text: string) => [text.slice(0, 1), text.slice(1)].join(mark);
  return (text) => {
    let whole = withoutMarks(text);
    // A mark may take apart a token that began before: what is left can spell another.
    for (let next = whole.replace(spelt, marked); next !== whole; next = whole.replace(spelt, marked))
      whole = next;
    return whole;
  };
}
