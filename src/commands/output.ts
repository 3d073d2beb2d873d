/** What commands print: JSON for programs, for people text that fits the terminal; colours on a terminal only. */
import { cells, table, wrap } from './columns.js';

/** Lines of a file or a pipe may be longer than a terminal's. */
const usualWidth = 100;
const narrowest = 40;

export const terminalWidth = (): number => Math.max(narrowest, process.stdout.columns ?? usualWidth);

export const hasColour = (): boolean => process.stdout.isTTY === true && !process.env.NO_COLOR;

/** A select-graphic-rendition code of ECMA-48 around a text: 1 bold, 2 dim, 36 cyan. */
export const painted = (code: string, text: string): string =>
  hasColour() ? `\x1b[${code}m${text}\x1b[0m` : text;

export function say(text: string): void {
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
}

export const sayJson = (value: unknown): void => say(JSON.stringify(value, null, 2));

/**
 * A paragraph, wrapped on a terminal; for pipes a line stays a line.
 * @param code paints its lines, as `painted` does: a text that is painted before would lose the escapes
 */
export function sayWrapped(
  text: string,
  stream: NodeJS.WriteStream = process.stdout,
  code: string | null = null,
): void {
  const width = Math.max(narrowest, stream.columns ?? usualWidth);
  // A line that fits keeps its spaces.
  const lines = stream.isTTY
    ? text.split('\n').flatMap((line) => (cells(line) <= width ? [harmless(line)] : wrap(line, width)))
    : [harmless(text)];
  const shown = code === null ? lines : lines.map((line) => painted(code, line));
  stream.write(`${shown.join('\n')}\n`);
}

/** Lines below a command's help, each wrapped where the terminal is too narrow for it; commander wraps its own. */
export const helpText = (text: string) => (): string => {
  const width = process.stdout.isTTY ? Math.min(80, terminalWidth()) : 80;
  return text
    .split('\n')
    .flatMap((line) => (cells(line) <= width ? [line] : wrap(line, width)))
    .join('\n');
};

/** Without control characters, which may move the cursor: a model's text must not control the terminal. */
export const harmless = (text: string): string =>
  text.replace(/[^\P{Cc}\n\t]|[\u202a-\u202e\u2066-\u2069]/gu, '');

/** Where lines of text break; nowhere in a file or a pipe. */
export const lineWidth = (): number =>
  process.stdout.isTTY ? Math.min(100, terminalWidth()) : Number.POSITIVE_INFINITY;

/** Writes a text that comes in pieces, and breaks its lines between words; a word is written when the next one begins. */
export class WordWriter {
  /** What is between the last word written and this one. */
  #space = '';
  #word = '';
  #column = 0;

  /** @param width cells of a line */
  constructor(
    private readonly out: (text: string) => void,
    private readonly width: number,
  ) {}

  write(text: string): void {
    if (this.width === Number.POSITIVE_INFINITY) {
      this.out(text);
      return;
    }
    for (const part of text.split(/(\s)/)) {
      if (!/^\s$/.test(part)) {
        this.#word += part;
        continue;
      }
      this.end();
      if (part === '\n') {
        this.out('\n');
        this.#column = 0;
        this.#space = '';
      } else this.#space += part;
    }
  }

  /** Writes what is held back. */
  end(): void {
    if (this.#word === '') return;
    const size = cells(this.#word);
    const breaks = this.#column > 0 && this.#column + this.#space.length + size > this.width;
    this.out((breaks ? '\n' : this.#space) + this.#word);
    this.#column = breaks ? size : this.#column + this.#space.length + size;
    this.#space = '';
    this.#word = '';
  }
}

/**
 * Rows under headings, or where these are too wide for the terminal a block for each row: its first entry, then the
 * others under their headings.
 */
export function sayTable(headings: readonly string[], given: readonly (readonly string[])[]): void {
  const rows = given.map((row) => row.map((entry) => harmless(entry).replace(/\s*\n\s*/g, ' ')));
  const whole = table([headings, ...rows]);
  const width = terminalWidth();
  if (!process.stdout.isTTY || whole.split('\n').every((line) => cells(line) <= width)) say(whole);
  else {
    const indent = Math.max(...headings.slice(1).map(cells)) + 4;
    for (const [title = '', ...rest] of rows) {
      say(painted('1', title));
      for (const [i, value] of rest.entries()) {
        const [first = '', ...more] = wrap(value, Math.max(10, width - indent));
        say(`  ${(headings[i + 1] ?? '').padEnd(indent - 4)}  ${first}`);
        for (const line of more) say(' '.repeat(indent) + line);
      }
    }
  }
}

/** A share as a bar of at most `width` cells; eighths of a block make it smooth. */
export function bar(share: number, width: number): string {
  const eighths = Math.round(Math.min(1, Math.max(0, share)) * width * 8);
  const part = eighths % 8;
  return '█'.repeat(Math.floor(eighths / 8)) + (part === 0 ? '' : ' ▏▎▍▌▋▊▉'[part]);
}
