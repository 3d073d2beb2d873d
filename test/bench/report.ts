/** Figures of one run: a table for people, JSON for machines. */
export interface Row {
  readonly section: string;
  readonly case: string;
  readonly streams: number;
  /** Name of a figure and its value, e.g. "tokens/s". */
  readonly figures: Readonly<Record<string, number>>;
}

/** A ratio that the project ratios. */
export interface Ratio {
  readonly what: string;
  readonly value: number;
  readonly bound: number;
  readonly kind: 'at least' | 'at most';
}

export function holds({ value, bound, kind }: Ratio): boolean {
  return kind === 'at least' ? value >= bound : value <= bound;
}

const shownNumber = (value: number) => (Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(2));

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return [line(header), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

export function asTable(rows: readonly Row[], ratios: readonly Ratio[]): string {
  const figures = table(
    ['section', 'case', 'streams', 'figures'],
    rows.map((row) => [
      row.section,
      row.case,
      String(row.streams),
      Object.entries(row.figures)
        .map(([name, value]) => `${shownNumber(value)} ${name}`)
        .join('   '),
    ]),
  );
  const kept = table(
    ['ratio', 'measured', 'promised', ''],
    ratios.map((ratio) => [
      ratio.what,
      shownNumber(ratio.value),
      `${ratio.kind} ${ratio.bound}`,
      holds(ratio) ? 'holds' : 'FALLS SHORT',
    ]),
  );
  return `${figures}\n\n${kept}`;
}
