/**
 * Lays text out for a terminal: wrapped lines, two texts side by side, and tables. A cell is the width of one Latin
 * letter.
 */

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** Characters that take two cells: East Asian wide ones and emoji. */
const wide =
  /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\u3000-\u303f\uff01-\uff60]/u;
/** Control characters, which may move the cursor, and those that change the writing direction of what follows. */
const control = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu;

/** Terminal cells that a text takes. */
export function cells(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let count = 0;
  for (const { segment } of graphemes.segment(text)) count += wide.test(segment) ? 2 : 1;
  return count;
}

/**
 * Breaks a text into lines of at most `width` cells, at spaces where there are any. Line breaks in the text are kept,
 * empty lines dropped. Control characters are removed: a model's text must not control the terminal.
 */
export function wrap(text: string, width: number): string[] {
  return text.split(/\r?\n/).flatMap((paragraph) => {
    const lines: string[] = [];
    let line = '';
    for (const word of paragraph.replace(/\t/g, ' ').replace(control, '').split(' ').filter(Boolean)) {
      if (line !== '' && cells(line) + 1 + cells(word) <= width) {
        line += ` ${word}`;
        continue;
      }
      if (line !== '') lines.push(line);
      const pieces = cut(word, width);
      line = pieces.pop() ?? '';
      lines.push(...pieces);
    }
    if (line !== '') lines.push(line);
    return lines;
  });
}

/** As much of a text, from its beginning, as `width` cells hold. */
export const clipped = (text: string, width: number): string =>
  cells(text) <= width ? text : (cut(text, width)[0] ?? '');

/** Cuts a word into pieces of at most `width` cells. */
function cut(word: string, width: number): string[] {
  const pieces: string[] = [];
  let piece = '';
  for (const { segment } of graphemes.segment(word)) {
    if (piece !== '' && cells(piece) + cells(segment) > width) {
      pieces.push(piece);
      piece = '';
    }
    piece += segment;
  }
  return [...pieces, piece];
}

/** A block of text with a title. */
export interface Cell {
  readonly title: string;
  readonly text: string;
  /** Adds colours to a whole line; applied after wrapping, because they take no cells. */
  readonly paintTitle: (line: string) => string;
  readonly paintText: (line: string) => string;
}

const gap = '   ';

/** The lines of two blocks side by side, at most `width` cells wide; the right one may be missing. */
export function sideBySide(left: Cell, right: Cell | undefined, width: number): string[] {
  const column = Math.max(10, Math.floor((width - gap.length) / 2));
  const columns = [left, right].map((cell) => linesOf(cell, column));
  const height = Math.max(...columns.map((lines) => lines.length));
  return Array.from({ length: height }, (_, row) => {
    const [first = blank, second = blank] = columns.map((lines) => lines[row]);
    if (second.text === '') return first.paint(first.text);
    const padding = ' '.repeat(Math.max(0, column - cells(first.text)));
    return first.paint(first.text) + padding + gap + second.paint(second.text);
  });
}

interface Line {
  readonly text: string;
  readonly paint: (line: string) => string;
}

const blank: Line = { text: '', paint: (line) => line };

function linesOf(cell: Cell | undefined, width: number): Line[] {
  if (cell === undefined) return [];
  return [
    ...wrap(cell.title, width).map((text) => ({ text, paint: cell.paintTitle })),
    ...wrap(cell.text, width).map((text) => ({ text, paint: cell.paintText })),
  ];
}

/** Rows as lines of text, each column as wide as its widest entry. The first row has every column. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    rows.reduce((widest, row) => Math.max(widest, cells(row[column] ?? '')), 0),
  );
  const line = (row: readonly string[]) =>
    row
      .map((text, column) => text + ' '.repeat(Math.max(0, (widths[column] ?? 0) - cells(text))))
      .join('  ')
      .trimEnd();
  return rows.map((row) => `${line(row)}\n`).join('');
}
