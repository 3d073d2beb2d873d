/**
 * Two things that an answer may be instead of an answer: a refusal, and a text in another language than asked. Both are
 * read from the text alone and err on the side of the answer: what is not clear counts as answered, in the same language.
 */
import { refusalPhrases } from './refusal-phrases.js';

/** Refusals say so at once. */
const opening = 240;

/**
 * Whether the text declines to answer: an apology or inability at its beginning, with what it declines. English, French,
 * German, Spanish, Italian, Portuguese, Dutch, Russian, Chinese and Japanese. "As an AI I have no feelings, but ..." is an answer.
 */
export function isRefusal(text: string): boolean {
  const plain = text
    .slice(0, opening)
    .normalize('NFKC')
    .replace(/[‘’ʼ`]/g, "'")
    .replace(/[ \t]+/g, ' ')
    .replace(/^[^\p{L}]+/u, '')
    .toLowerCase();
  return refusalPhrases.some((phrase) => phrase.test(plain));
}

/** ISO 639-1 code. */
type Language = string;

/** With fewer letters than that (of scripts that need several for a word) hardly any text is clear. */
const leastLetters = 20;
/** Of Han, kana and Hangul, where a letter is a word or a syllable. */
const leastSyllables = 4;

type Detector = (text: string) => { readonly language: string; isReliable(): boolean };
let detector: Promise<Detector> | undefined;

/**
 * The language that the text is clearly in, or null: too short, too mixed, code. Loads the detector (eld, its smallest
 * table) when first called: a third of a second and some 30 MB of heap, which a server that measures nothing does without.
 */
export async function languageOf(text: string): Promise<Language | null> {
  const prose = text.replace(/```[\s\S]*?(?:```|$)/g, ' ').replace(/https?:\/\/\S+/g, ' ');
  const syllables =
    prose.match(/[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/gu)?.length ?? 0;
  const letters = prose.match(/\p{L}/gu)?.length ?? 0;
  if (letters - syllables < leastLetters && syllables < leastSyllables) return null;
  detector ??= import('eld/extrasmall').then(
    ({ eld }) =>
      (text) =>
        eld.detect(text),
  );
  const detected = (await detector)(prose);
  return detected.language !== '' && detected.isReliable() ? detected.language : null;
}

/** Languages so near to each other that some sentences belong to both. */
const near: readonly (readonly Language[])[] = [
  ['da', 'no'],
  ['cs', 'sk'],
  ['hr', 'sl'],
  ['ca', 'es'],
  ['be', 'bg', 'ru', 'sr', 'uk'],
];

/** Whether the answer is clearly in another language than the question; languages that are nearly one count as one. */
export async function inAnotherLanguage(answer: string, question: string): Promise<boolean> {
  const [given, asked] = [await languageOf(answer), await languageOf(question)];
  if (given === null || asked === null || given === asked) return false;
  return !near.some((group) => group.includes(given) && group.includes(asked));
}
