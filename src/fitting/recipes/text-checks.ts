/** Texts that a model wrote to no use: they say nothing, decline, or repeat what was asked. */
import { isRefusal } from '../answers/answer-checks.js';

/** Why a text is left out. */
export type TextFault = 'empty' | 'refused' | 'repeated';

/** Words in a row that nobody has in common with an instruction by chance. */
const longestRun = 8;

/** @param instructions what the text must not repeat, wholly or eight words of it in a row */
export function textFault(text: string, instructions: readonly string[]): TextFault | null {
  const words = wordsOf(text);
  if (words.length === 0) return 'empty';
  if (isRefusal(text)) return 'refused';
  const said = spaced(words);
  return instructions.some((instruction) => runsOf(instruction).some((run) => said.includes(run)))
    ? 'repeated'
    : null;
}

/** Of letters and digits, in small letters. */
const wordsOf = (text: string) =>
  text
    .normalize('NFKC')
    .toLowerCase()
    .match(/[\p{L}\p{N}]+/gu) ?? [];

const spaced = (words: readonly string[]) => ` ${words.join(' ')} `;

function runsOf(instruction: string): string[] {
  const words = wordsOf(instruction);
  if (words.length === 0) return [];
  const length = Math.min(words.length, longestRun);
  return Array.from({ length: words.length - length + 1 }, (_, i) => spaced(words.slice(i, i + length)));
}
