/** A matrix of counts as an SVG heat map: rows and columns labelled, a cell darker the larger its part of its row. */

export interface HeatMap {
  readonly title: string;
  readonly rowTitle: string;
  readonly columnTitle: string;
  /** Of rows and columns alike, by index. */
  readonly labels: readonly string[];
  /** Rows and columns where a new group begins: a line is drawn before them. */
  readonly groupStarts: readonly number[];
  readonly counts: readonly (readonly number[])[];
}

const cell = 22;
const character = 6.2;
const font = 'font-family="system-ui, sans-serif" font-size="11"';
/** White to a deep blue, both readable beside the page's own colours. */
const [empty, full] = [
  [246, 248, 251],
  [16, 62, 125],
] as const;

export function heatMap({ title, rowTitle, columnTitle, labels, groupStarts, counts }: HeatMap): string {
  const size = labels.length * cell;
  const label = Math.max(0, ...labels.map(({ length }) => length)) * character + 10;
  const [left, top] = [label + 22, label + 44];
  const [width, height] = [left + size + 12, top + size + 12];
  const rows = counts.map((row, y) => {
    const total = row.reduce((sum, count) => sum + count, 0);
    const cells = row.map((count, x) => {
      const part = total === 0 ? 0 : count / total;
      const [px, py] = [left + x * cell, top + y * cell];
      const rect = `<rect x="${n(px)}" y="${n(py)}" width="${cell - 1}" height="${cell - 1}" fill="${colour(part)}"/>`;
      if (count === 0) return rect;
      const ink = part > 0.45 ? '#fff' : '#1c2733';
      return `${rect}<text x="${n(px + (cell - 1) / 2)}" y="${n(py + 15)}" text-anchor="middle" fill="${ink}">${count}</text>`;
    });
    return cells.join('');
  });
  const rowLabels = labels.map(
    (text, y) =>
      `<text x="${n(left - 6)}" y="${n(top + y * cell + 15)}" text-anchor="end">${escaped(text)}</text>`,
  );
  const columnLabels = labels.map((text, x) => {
    const at = `${n(left + x * cell + 15)} ${n(top - 6)}`;
    return `<text transform="translate(${at}) rotate(-90)">${escaped(text)}</text>`;
  });
  const lines = groupStarts
    .filter((start) => start > 0)
    .flatMap((start) => {
      const at = start * cell - 0.5;
      return [
        `<path d="M${n(left)} ${n(top + at)}h${size}M${n(left + at)} ${n(top)}v${size}" stroke="#8494a8" fill="none"/>`,
      ];
    });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${Math.ceil(width)} ${Math.ceil(height)}" role="img" ${font} fill="#1c2733">
<title>${escaped(title)}</title>
<rect width="100%" height="100%" fill="#fff"/>
<text x="12" y="16" font-weight="600">${escaped(title)}</text>
<text x="${n(left + size / 2)}" y="34" text-anchor="middle" fill="#55657a">${escaped(columnTitle)}</text>
<text transform="translate(14 ${n(top + size / 2)}) rotate(-90)" text-anchor="middle" fill="#55657a">${escaped(rowTitle)}</text>
${[...rows, ...rowLabels, ...columnLabels, ...lines].join('\n')}
</svg>
`;
}

function colour(part: number): string {
  const mixed = empty.map((from, i) => Math.round(from + ((full[i] as number) - from) * part));
  return `#${mixed.map((value) => value.toString(16).padStart(2, '0')).join('')}`;
}

const n = (value: number) => Number(value.toFixed(1));
const escaped = (text: string) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
