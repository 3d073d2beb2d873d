/** What `steerd demo` prints: every prompt with its answers in two columns, the plain one first. */
import type { SteeringItem } from '../schemas/steering.js';
import { type Cell, sideBySide, wrap } from './columns.js';

interface DemoAnswers {
  readonly prompts: readonly string[];
  readonly steerings: readonly SteeringItem[];
  /** Of every prompt: the plain answer, then one per steering. */
  readonly answers: readonly string[];
}

interface PageStyle {
  /** Terminal cells of a line. */
  readonly width: number;
  readonly colour: boolean;
}

const narrowest = 40;
/** Longer lines are hard to read. */
const widest = 150;

/** Escape codes of ECMA-48 (SGR). One colour per concept, in the order asked. */
const bold = '1';
const dim = '2';
const conceptColours = ['36', '33', '35', '32', '34', '31'];

/** @returns lines of at most `style.width` cells */
export function demoPage({ prompts, steerings, answers }: DemoAnswers, style: PageStyle): string[] {
  const width = Math.min(widest, Math.max(narrowest, style.width));
  const paint =
    (...codes: string[]) =>
    (line: string) =>
      style.colour ? `\x1b[${codes.join(';')}m${line}\x1b[0m` : line;
  const perPrompt = 1 + steerings.length;
  return prompts.flatMap((prompt, i) => {
    const own = answers.slice(i * perPrompt, (i + 1) * perPrompt);
    const cells = own.map((text, j): Cell => {
      const steering = steerings[j - 1];
      if (steering === undefined) {
        return { title: 'unsteered', text, paintTitle: paint(bold), paintText: paint(dim) };
      }
      const colour = conceptColours[(j - 1) % conceptColours.length] ?? bold;
      const title = `${steering.concept}, strength ${steering.strength}`;
      return { title, text, paintTitle: paint(bold, colour), paintText: paint(colour) };
    });
    const rows = Array.from({ length: Math.ceil(cells.length / 2) }, (_, row) => {
      const left = cells[2 * row] as Cell;
      return [...sideBySide(left, cells[2 * row + 1], width), ''];
    });
    const rule = '\u2500'.repeat(width);
    return [paint(dim)(rule), ...wrap(prompt, width).map(paint(bold)), '', ...rows.flat()];
  });
}
