/** Which subjects and messages speak of the same: a concept must not be told apart from itself. */

/** Words that say nothing of what a text is about. */
const functionWords = new Set(
  'a an and are as at be by for from in is it its of on or that the their this to was with you your'.split(
    ' ',
  ),
);

/** Share of the shorter message's own words that two messages about the same have in common, at least. */
const closeShare = 1 / 3;

/** The words of a text, in small letters and without the plural's ending, in their order. */
function wordsOf(text: string): string[] {
  const words =
    text
      .normalize('NFKC')
      .toLowerCase()
      .replace(/[’']s\b/g, '')
      .match(/[\p{L}\p{N}]+/gu) ?? [];
  return words.map(singular);
}

function singular(word: string): string {
  if (word.length > 4 && word.endsWith('ies')) return `${word.slice(0, -3)}y`;
  if (/(?:s|x|z|ch|sh)es$/.test(word)) return word.slice(0, -2);
  return word.length > 3 && /[^s]s$/.test(word) ? word.slice(0, -1) : word;
}

const contentOf = (text: string) => new Set(wordsOf(text).filter((word) => !functionWords.has(word)));

/** Whether two texts differ in letter case, spaces, punctuation, articles and plurals only. */
export function sameText(a: string, b: string): boolean {
  return keyOf(a) === keyOf(b);
}

/** The same for texts that are `sameText`. */
export function keyOf(text: string): string {
  const words = [...wordsOf(text)].filter((word) => !['a', 'an', 'the'].includes(word));
  // A text of signs alone has no words.
  return words.length > 0 ? words.join(' ') : text.trim();
}

/** Those of `subjects` that share no word with `own`. */
export function otherThan(own: string, subjects: readonly string[]): string[] {
  const words = contentOf(own);
  return subjects.filter(
    (subject) => !sameText(subject, own) && ![...contentOf(subject)].some((word) => words.has(word)),
  );
}

/**
 * Those of `messages` that speak of something else than `own`. Words that several messages have ("You are a writer
 * of ...") are their manner, and only the others are compared.
 */
export function messagesOtherThan(own: string, messages: readonly string[]): string[] {
  const contents = messages.map(contentOf);
  const counts = new Map<string, number>();
  for (const content of contents) for (const word of content) counts.set(word, (counts.get(word) ?? 0) + 1);
  const particular = (content: ReadonlySet<string>) =>
    [...content].filter((word) => (counts.get(word) ?? 0) <= 1);
  const words = new Set(particular(contentOf(own)));
  return messages.filter((message, index) => {
    const others = particular(contents[index] as Set<string>);
    const shared = others.filter((word) => words.has(word)).length;
    const close = shared > 0 && shared >= closeShare * Math.min(words.size, others.length);
    return !close && !sameText(message, own);
  });
}
