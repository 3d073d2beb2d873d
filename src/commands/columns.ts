/** Text in terminal cells: wrapping, and two texts side by side. */

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** East Asian wide characters and emoji take two cells. */
const wide =
  /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\u3000-\u303f\uff01-\uff60]/u;
/** Those that move the cursor, and those that turn the direction of writing for what follows. */
const control = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu;

/** Terminal cells that a text takes. */
export function cells(text: string): number {
  let count = 0;
  for (const { segment } of graphemes.segment(text)) count += wide.test(segment) ? 2 : 1;
  return count;
}

/**
 * Lines of at most `width` cells, broken at spaces where there are any. Line breaks of the text stay, empty
 * lines go; control characters are taken out, for a model's text must not steer the terminal.
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

/** A word in pieces that fit. */
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

export interface Cell {
  readonly title: string;
  readonly text: string;
  /** Applied to whole lines after wrapping: colours take no cells. */
  readonly paintTitle: (line: string) => string;
  readonly paintText: (line: string) => string;
}

const gap = '   ';

/** Lines of two cells side by side, at most `width` wide; the right one may be missing. */
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
