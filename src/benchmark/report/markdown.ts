/** Pieces of Markdown made of anybody's texts, which stay texts: nothing in them is taken for markup, a link or mathematics. */

/** What Markdown or HTML within it would take for more than a sign, and what would end a line. */
export const escapedText = (text: string): string =>
  text
    .replace(/[\r\n\t ]+/g, ' ')
    .replace(/[^\P{Cc}]/gu, '\ufffd')
    .trim()
    .replace(/[\\`*_[\]{}<>#|~$]/g, '\\$&')
    .replace(/&/g, '&amp;')
    // Addresses become links by themselves.
    .replace(/:(?=\/\/)/g, '&#58;')
    .replace(/\bwww\./gi, (www) => `${www.slice(0, -1)}&#46;`)
    .replace(/^(\d+)([.)])(?= |$)/, '$1\\$2')
    .replace(/^([-+=])(?=[-= ]|$)/, '\\$1');

export const heading = (level: number, text: string): string => `${'#'.repeat(level)} ${escapedText(text)}`;

export const list = (items: readonly string[]): string =>
  items.map((item) => `- ${escapedText(item)}`).join('\n');

/** An answer, of anybody, as a quotation of one line. */
export const quoted = (text: string): string => `> ${escapedText(text) || '(empty)'}`;

export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return '';
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => escapedText(cell)).join(' | ')} |`;
  return [line(headings), `|${headings.map(() => '---').join('|')}|`, ...rows.map(line)].join('\n');
}
