/** A sweep as CSV (RFC 4180), a row for each answer. */
import type { Scored } from './scores.js';

const columns = [
  'prompt',
  'concept',
  'strength',
  'answer',
  'evidence',
  'log_probability',
  'distinct_2',
  'shown',
  'fluency',
  'together',
  'best',
  'tokens',
  'finish_reason',
] as const;

/** A text that a spreadsheet would take for a formula gets a sign before it that makes it a text. */
const harmless = (text: string): string => (/^[=+\-@\t\r]/.test(text) ? `'${text}` : text);

function cell(value: string | number | boolean | null): string {
  const text = value === null ? '' : typeof value === 'string' ? harmless(value) : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function sweepAsCsv(rows: readonly Scored[], prompts: readonly string[]): string {
  const lines = rows.map((row) =>
    columns.map((column) => cell(column === 'prompt' ? (prompts[row.prompt] ?? '') : row[column])).join(','),
  );
  return [columns.join(','), ...lines].map((line) => `${line}\r\n`).join('');
}
