/**
 * Pairs as people paste them: JSON lines with `positive` and `negative`, CSV (RFC 4180) of two columns, or lines of two parts
 * with a tab between them. A line that is none of these is told by its number.
 */
export type Pair = readonly [positive: string, negative: string];

export interface Pairs {
  readonly pairs: readonly Pair[];
  /** What was left out, in words. */
  readonly faults: readonly string[];
}

export function readPairs(text: string): Pairs {
  const clean = text.replace(/^\uFEFF/, '').trim();
  if (clean === '') return { pairs: [], faults: [] };
  const rows = clean.startsWith('{')
    ? jsonRows(clean)
    : separatedRows(clean, clean.includes('\t') ? '\t' : ',');
  const faults: string[] = [];
  const pairs: Pair[] = [];
  rows.forEach((cells, index) => {
    const [positive = '', negative = ''] = cells.map((cell) => cell.trim());
    if (index === 0 && /^positives?$/i.test(positive) && /^negatives?$/i.test(negative)) return;
    if (cells.length === 2 && positive !== '' && negative !== '') pairs.push([positive, negative]);
    else faults.push(`Row ${index + 1} is not a pair of two texts.`);
  });
  return { pairs, faults };
}

const jsonRows = (text: string): string[][] =>
  text.split(/\r?\n/).map((line) => {
    try {
      const { positive, negative } = JSON.parse(line) as Record<string, unknown>;
      return typeof positive === 'string' && typeof negative === 'string' ? [positive, negative] : [];
    } catch {
      return [];
    }
  });

/** Cells may be quoted, hold the separator and line ends then, and double their quotes. */
function separatedRows(text: string, separator: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let cell = '';
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const sign = text[at] as string;
    if (quoted) {
      if (sign !== '"') cell += sign;
      else if (text[at + 1] === '"') cell += text[at++];
      else quoted = false;
    } else if (sign === '"' && cell === '') quoted = true;
    else if (sign === separator || sign === '\n') {
      row.push(cell);
      cell = '';
      if (sign === separator) continue;
      rows.push(row);
      row = [];
    } else if (sign !== '\r') cell += sign;
  }
  rows.push([...row, cell]);
  return rows;
}
